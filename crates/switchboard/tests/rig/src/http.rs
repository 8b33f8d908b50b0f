//! HTTP as bytes: one request, one answer.
use crate::PATIENCE;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// A stream of any kind to the server.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// The head of an HTTP response, and the bytes after it.
pub async fn read_head(stream: &mut Box<dyn Stream>) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            return (String::from_utf8(bytes).unwrap(), rest);
        }
        let read = tokio::time::timeout(Duration::from_secs(60), stream.read_buf(&mut bytes)).await;
        match read {
            Ok(Ok(n)) if n > 0 => {}
            _ => return (String::from_utf8_lossy(&bytes).into_owned(), Vec::new()),
        }
    }
}

/// An HTTP response.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    headers: Vec<(String, String)>,
    /// The body, as far as `Content-Length` says.
    pub body: String,
}

impl Response {
    /// `None` when the stream ended without a whole response.
    async fn read(stream: &mut Box<dyn Stream>) -> Option<Response> {
        let (head, mut body) = read_head(stream).await;
        let status = head.strip_prefix("HTTP/1.1 ").or(head.strip_prefix("HTTP/1.0 "))?.get(..3)?.parse().ok()?;
        let headers = head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        let mut answer = Response { status, headers, body: String::new() };
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        while body.len() < length {
            let read = tokio::time::timeout(PATIENCE, stream.read_buf(&mut body)).await;
            assert!(matches!(read, Ok(Ok(n)) if n > 0), "the body is cut: {head}");
        }
        // What follows a 101 is not a body: the server may send a frame at once.
        body.truncate(length);
        answer.body = String::from_utf8(body).unwrap();
        Some(answer)
    }

    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Sends a request as it is, and reads the response.
pub async fn http(stream: &mut Box<dyn Stream>, request: &[u8]) -> Option<Response> {
    // A server that has seen enough may close before all is written.
    let _ = stream.write_all(request).await;
    Response::read(stream).await
}

/// Waits for the end of a stream: the server's FIN or RST.
pub async fn read_to_end(stream: &mut Box<dyn Stream>, patience: Duration) -> Vec<u8> {
    let mut bytes = Vec::new();
    let end = async { while matches!(stream.read_buf(&mut bytes).await, Ok(n) if n > 0) {} };
    assert!(tokio::time::timeout(patience, end).await.is_ok(), "no end within {patience:?}");
    bytes
}
