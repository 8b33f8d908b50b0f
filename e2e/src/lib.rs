//! Real clients against real servers: a server is a workspace binary in its own process, a client is a script of
//! `e2e/node/`, run by Node, or of `e2e/python/`, in which the assertions are.
//!
//! ```no_run
//! let chat = e2e::Server::start("chat");
//! e2e::node_script("chat", &[("URL", &chat.url("/"))]);
//! ```

mod control;
mod node;
mod process;
mod proxy;
mod python;
mod script;
mod server;

use std::path::{Path, PathBuf};

pub use control::Control;
pub use node::{NodeScript, node_script};
pub use proxy::{Proxy, free};
pub use python::python_script;
pub use script::Output;
pub use server::Server;

/// The repository's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("e2e/ is in the root")
}

/// Cargo's target directory, and the folder in it that holds this build: `debug` or `release`.
fn build_dir() -> (PathBuf, String) {
    // A test is target/debug/deps/NAME-HASH.
    let test = std::env::current_exe().expect("the test's own path");
    let profile = test.ancestors().nth(2).expect("deps/ is in the profile's folder");
    let target = profile.parent().expect("the profile's folder is in the target directory");
    (target.to_path_buf(), profile.file_name().expect("a folder").to_string_lossy().into_owned())
}
