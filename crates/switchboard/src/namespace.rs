//! [`Namespace`]: which clients and rooms know each other.
use std::any::TypeId;
use std::borrow::Cow;

/// An isolated registry of clients and rooms, named by a marker type.
///
/// Gateways of one namespace share clients and rooms; those of different namespaces know nothing of each other, whatever their
/// rooms are called. The limits and counters of the node, and its shutdown, cover all namespaces.
/// ```
/// use switchboard::{App, Gateway, Namespace, Server};
///
/// enum Admin {}
/// impl Namespace for Admin {
///     const NAME: &'static str = "/admin";
/// }
///
/// # struct Panel;
/// # impl Panel { async fn ping(&self) {} }
/// let panel = Gateway::new(Panel).on("ping", Panel::ping).namespace::<Admin>();
/// let app = App::new().gateway("/admin/ws", panel);
/// let admin: Server<Admin> = app.server_of();
/// admin.broadcast("news", "to those in /admin alone");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a namespace",
    note = "write `impl switchboard::Namespace for {Self} {{ const NAME: &'static str = \"/name\"; }}`"
)]
pub trait Namespace: Send + Sync + 'static {
    /// Its name: `/`, then at most 254 bytes without whitespace and control characters. Two types of one name cannot both
    /// have gateways; `/` is that of [`Root`].
    const NAME: &'static str;
}

/// The default namespace, `/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {}

impl Namespace for Root {
    const NAME: &'static str = "/";
}

/// In [`Server<Dynamic>`](crate::Server): a namespace whose name is known only at run time, such as those that
/// [`Gateway::namespace_by`](crate::Gateway::namespace_by) makes. No gateway is put into it by type.
///
/// As a parameter of a handler or a hook it is the namespace of the client, whichever that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dynamic {}

const LONGEST: usize = 255;

/// The name of a namespace that is named at run time, with its `/`. `None`: it cannot be a name.
pub(crate) fn at_run_time(name: &str) -> Option<Cow<'_, str>> {
    if name.is_empty() {
        return None;
    }
    let name = if name.starts_with('/') { Cow::Borrowed(name) } else { Cow::Owned(format!("/{name}")) };
    check(&name).is_ok().then_some(name)
}

/// Errors: what is wrong with the name, and the fix, as the end of a sentence.
fn check(name: &str) -> Result<(), String> {
    if name.len() > LONGEST {
        return Err(format!("has {} bytes; shorten it to at most {LONGEST}", name.len()));
    }
    if name.contains(|c: char| c.is_control() || c.is_whitespace()) {
        return Err(format!("{name:?} has whitespace or a control character; remove that"));
    }
    if !name.starts_with('/') {
        return Err(format!("{name:?} does not begin with '/'; write {:?}", format!("/{name}")));
    }
    Ok(())
}

/// A marker type, erased. Two are equal if their types are.
#[derive(Clone, Copy)]
pub(crate) struct Marker {
    id: TypeId,
    pub(crate) name: &'static str,
    /// The type's path.
    pub(crate) path: &'static str,
}

impl Marker {
    pub(crate) fn of<N: Namespace>() -> Marker {
        Marker { id: TypeId::of::<N>(), name: N::NAME, path: std::any::type_name::<N>() }
    }

    pub(crate) fn is_default(self) -> bool {
        self == Marker::of::<Root>()
    }

    /// Errors: what is wrong with the name, and the fix, as the end of a sentence.
    pub(crate) fn check(self) -> Result<(), String> {
        let Marker { name, .. } = self;
        check(name)?;
        if name == Root::NAME && !self.is_default() {
            return Err(format!(
                "{name:?} is that of the default, switchboard::Root; use that one, or choose another name"
            ));
        }
        Ok(())
    }
}

impl PartialEq for Marker {
    fn eq(&self, other: &Marker) -> bool {
        self.id == other.id
    }
}
