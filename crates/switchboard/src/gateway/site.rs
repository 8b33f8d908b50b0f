//! Where a gateway is mounted besides its path: versions, and a port of its own.
use super::Gateway;
use super::reach::Reach;
use crate::problem::Problem;
use std::borrow::Cow;
use std::panic::Location;

type Place = &'static Location<'static>;

/// A gateway's settings for where it is mounted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Site {
    versions: Vec<(Cow<'static, str>, Place)>,
    /// Where versions were set; with an empty `versions` this is a problem.
    unversioned_at: Option<Place>,
    pub(crate) port: Option<(u16, Place)>,
    pub(crate) reach: Reach,
}

/// Prepends a prefix to a path: `/api` and `/ws` make `/api/ws`. The path `/` becomes the prefix itself, as in axum's
/// `nest`.
pub(crate) fn after(prefix: &str, path: &str) -> String {
    match path {
        "/" if !prefix.is_empty() => prefix.to_owned(),
        path => format!("{prefix}{path}"),
    }
}

impl Site {
    /// Returns the path for each version: `/ws` → `/v1/ws`, `/v2/ws`. Without versions, the path itself.
    pub(crate) fn paths(&self, path: &str) -> Vec<String> {
        if self.versions.is_empty() {
            return vec![path.to_owned()];
        }
        self.versions.iter().map(|(version, _)| after(&format!("/v{version}"), path)).collect()
    }

    /// Adds mistakes to `problems`.
    pub(super) fn check(&self, name: &str, problems: &mut Vec<Problem>) {
        for (version, place) in &self.versions {
            let why =
                if version.is_empty() || version.contains(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c)) {
                    "is no segment of a path; use letters, digits, '-', '_' and '.'".to_owned()
                } else if let Some(number) =
                    version.strip_prefix('v').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
                {
                    format!("begins with a 'v', which is put in front of it; write {number:?}")
                } else {
                    continue;
                };
            problems.push(Problem::new(format!("the version {version:?} of {name} {why}"), &[place]));
        }
        if let (true, Some(place)) = (self.versions.is_empty(), self.unversioned_at) {
            let message = format!("{name} has an empty list of versions, with which it is nowhere; leave it out");
            problems.push(Problem::new(message, &[place]));
        }
    }
}

impl<S: Send + Sync + 'static> Gateway<S> {
    /// Mounts the gateway under this version: `"1"` and the path `/ws` make `/v1/ws`, after the application's
    /// [`prefix`](crate::App::prefix). If called several times, it is mounted under each version.
    #[track_caller]
    pub fn version(self, version: impl Into<Cow<'static, str>>) -> Gateway<S> {
        self.versions([version])
    }

    /// Mounts the gateway under each of these versions. Their clients share namespaces and rooms.
    ///
    /// ```
    /// # use switchboard::{App, Gateway};
    /// let chat = Gateway::functions().on_fn("ping", || async { "pong" }).versions(["1", "2"]);
    /// let app = App::new().prefix("/api").gateway("/ws", chat); // /api/v1/ws and /api/v2/ws
    /// # let _ = app;
    /// ```
    #[track_caller]
    pub fn versions<V: Into<Cow<'static, str>>>(mut self, versions: impl IntoIterator<Item = V>) -> Gateway<S> {
        let place = Location::caller();
        self.site.versions.extend(versions.into_iter().map(|version| (version.into(), place)));
        self.site.unversioned_at = Some(place);
        self
    }

    /// Serves the gateway on a port of its own instead of the application's: [`App::listen`](crate::App::listen) and
    /// [`App::bind`](crate::App::bind) also listen on that port, on the same host. Gateways that ask for the same port
    /// share it. With 0 the system chooses one port for all gateways that ask for 0: see
    /// [`Bound::address_of`](crate::Bound::address_of).
    ///
    /// An application with such a gateway cannot be merged into an axum router, which another listener serves.
    #[track_caller]
    pub fn port(mut self, port: u16) -> Gateway<S> {
        self.site.port = Some((port, Location::caller()));
        self
    }
}
