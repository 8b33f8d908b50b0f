//! Where a gateway is mounted, beside its path: versions, and a port of its own.
use super::Gateway;
use crate::problem::Problem;
use std::borrow::Cow;
use std::panic::Location;

type Place = &'static Location<'static>;

/// What a gateway says of where it is mounted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Site {
    versions: Vec<(Cow<'static, str>, Place)>,
    /// It was asked for versions, and there are none.
    unversioned_at: Option<Place>,
    pub(crate) port: Option<(u16, Place)>,
}

/// A path after a prefix: `/api` and `/ws` make `/api/ws`. `/` after a prefix is the prefix itself, as in axum's `nest`.
pub(crate) fn after(prefix: &str, path: &str) -> String {
    match path {
        "/" if !prefix.is_empty() => prefix.to_owned(),
        path => format!("{prefix}{path}"),
    }
}

impl Site {
    /// `/ws` → `/v1/ws`, `/v2/ws`; without versions the path itself.
    pub(crate) fn paths(&self, path: &str) -> Vec<String> {
        if self.versions.is_empty() {
            return vec![path.to_owned()];
        }
        self.versions.iter().map(|(version, _)| after(&format!("/v{version}"), path)).collect()
    }

    /// Adds what is wrong.
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
    /// Mounts the gateway under this version: `"1"` and the path `/ws` make `/v1/ws`, behind the application's
    /// [`prefix`](crate::App::prefix). Called again, it is mounted under each.
    #[track_caller]
    pub fn version(self, version: impl Into<Cow<'static, str>>) -> Gateway<S> {
        self.versions([version])
    }

    /// Mounts the gateway under each of these versions; the clients of all are together.
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

    /// Serves the gateway on a port of its own, and not on the application's: [`App::listen`](crate::App::listen) and
    /// [`App::bind`](crate::App::bind) listen there too, on the same host. Gateways that ask for one port share it. With 0 the
    /// system chooses one, the same for all that ask for 0: [`Bound::address_of`](crate::Bound::address_of) tells.
    ///
    /// An application with such a gateway cannot be merged into another, whose listener is not ours.
    #[track_caller]
    pub fn port(mut self, port: u16) -> Gateway<S> {
        self.site.port = Some((port, Location::caller()));
        self
    }
}
