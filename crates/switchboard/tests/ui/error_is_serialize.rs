//! An `Err` is never sent as a success, not even when it is `Serialize`, under any name of `Result`.
use switchboard::Gateway;

#[derive(serde::Serialize)]
struct Full;

type Outcome<T> = Result<T, String>;

struct Chat;

impl Chat {
    async fn text(&self) -> Result<u32, String> {
        Err("full".to_owned())
    }
    async fn alias(&self) -> Outcome<()> {
        Err("full".to_owned())
    }
    async fn own(&self) -> Result<Option<u32>, Full> {
        Err(Full)
    }
}

fn main() {
    let _ = Gateway::new(Chat).on("text", Chat::text);
    let _ = Gateway::new(Chat).on("alias", Chat::alias);
    let _ = Gateway::new(Chat).on("own", Chat::own);
}
