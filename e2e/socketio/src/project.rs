//! [`Project`]: a namespace for each project, made by the first who asks for it.

use serde::Serialize;
use switchboard::extract::Path;
use switchboard::{Dynamic, Error, Handshake, Server, gateway, messages};

fn project(upgrade: &Handshake) -> Result<String, Error> {
    let id: u32 = upgrade.path_params()?;
    Ok(format!("/project-{id}"))
}

#[derive(Serialize)]
struct Line {
    project: u32,
    line: String,
}

#[gateway(path = "/projects/{id}/ws", namespace_by = project, socketio_namespace = "/project-{id}")]
pub(crate) struct Project;

#[messages]
impl Project {
    /// To everybody in the project.
    #[subscribe_message("draw")]
    async fn draw(&self, line: String, Path(project): Path<u32>, here: Server<Dynamic>) -> usize {
        here.broadcast("drawn", Line { project, line }).queued
    }
}
