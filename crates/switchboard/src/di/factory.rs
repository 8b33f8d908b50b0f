//! Functions whose parameters are resolved from the container.
use super::{Container, FromContainer, NotProvided, Wanted};

/// A function of up to eight parameters that are resolved from the container: see [`FromContainer`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a factory",
    label = "not a function of things that the container gives",
    note = "it takes up to eight parameters: `Arc<T>` of providers, `Option<Arc<T>>`, or handles such as `Server`"
)]
pub trait Factory<Args>: Send + 'static {
    /// What it returns.
    type Out;
    /// Declares its dependencies.
    fn wants(wanted: &mut Wanted<'_>);
    /// Resolves the parameters and calls the function.
    fn call(self, container: &Container) -> Result<Self::Out, NotProvided>;
}

/// A [`Factory`] that can be called repeatedly, once for each client or each message.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be called for each client or message",
    label = "not a function of things that the container gives, or one that can be called only once",
    note = "it takes up to eight parameters: `Arc<T>` of providers, `Option<Arc<T>>`, `Client`, or handles such as `Server`; what it \
            has captured it may lend or clone, but not give away"
)]
pub trait ScopedFactory<Args>: Factory<Args> + Sync {
    /// Resolves the parameters and calls the function.
    fn call_again(&self, container: &Container) -> Result<Self::Out, NotProvided>;
}

macro_rules! factories {
    ($( ($($arg:ident)*) )*) => {
        $(
            impl<F, R, $($arg: FromContainer),*> Factory<($($arg,)*)> for F
            where
                F: FnOnce($($arg),*) -> R + Send + 'static,
            {
                type Out = R;

                fn wants(_wanted: &mut Wanted<'_>) {
                    $($arg::wants(_wanted);)*
                }

                fn call(self, _container: &Container) -> Result<R, NotProvided> {
                    Ok(self($($arg::from_container(_container)?),*))
                }
            }

            impl<F, R, $($arg: FromContainer),*> ScopedFactory<($($arg,)*)> for F
            where
                F: Fn($($arg),*) -> R + Send + Sync + 'static,
            {
                fn call_again(&self, _container: &Container) -> Result<R, NotProvided> {
                    Ok(self($($arg::from_container(_container)?),*))
                }
            }
        )*
    };
}
factories! { () (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E G) (A B C D E G H) (A B C D E G H I) }
