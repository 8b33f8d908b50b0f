//! The guide as a site: `docs/site` builds it, and checks the pages of the repository first.

use crate::run::{Job, Outcome};

/// The `guide` part. `docs` is a program of its own because mdBook takes far longer to compile than xtask may.
pub(crate) fn build(job: &mut Job<'_>) -> Outcome {
    job.cargo(&["test", "--locked", "-p", "docs"])?;
    job.cargo(&["run", "--quiet", "--locked", "-p", "docs"])
}
