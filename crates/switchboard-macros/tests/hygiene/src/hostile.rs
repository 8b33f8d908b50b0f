//! Names that mean something else here. An item of a module hides what the prelude has under its name.
#![expect(non_camel_case_types, non_upper_case_globals, reason = "names that are somebody else's")]

macro_rules! types {
    ($($name:ident)*) => { $(#[doc = "Not what it is elsewhere."] #[derive(Debug)] pub struct $name(());)* };
}
types! {
    Result Option String Vec Box Arc Send Sync Copy Clone Default Drop Fn FnMut FnOnce From Into Iterator IntoIterator ToString
    ToOwned AsRef TryFrom TryInto Extend PartialEq Sized Future Self_ str bool usize u8
    Gateway Messages Mount Injectable Provider Dependencies Container Module ModuleDef HandlerDef HookDef MessageContext
    Parameters Probe ByValidate ByNothing ResultShape ResultStreamShape StreamShape PlainShape Server Client Error
    Guard GuardDef Interceptor InterceptorDef Pipe PipeDef Filter FilterDef Call Next Caught Handshake Reply
    SyncMessage AsyncMessage NoMessage HasConnect NoConnect Halved
}

macro_rules! values {
    ($($name:ident)*) => { $(#[doc = "Not what it is elsewhere."] pub const $name: () = ();)* };
}
values! { Some None Ok Err drop }

macro_rules! statics {
    ($($name:ident)*) => { $(#[doc = "A name that the expansion might have chosen."] pub static $name: () = ();)* };
}
statics! {
    gateway module container fields reply message parameters client server this cx handler hook handle provider injected
    value error shape validation room data guard interceptor pipe filter skip public concurrency def halved probe chain key flag
}

macro_rules! modules {
    ($($name:ident)*) => { $(#[doc = "Not the crate of that name."] pub mod $name {})* };
}
modules! { std core alloc switchboard switchboard_macros di testing }

/// A macro that the expansion might use.
#[macro_export]
macro_rules! hostile_unreachable {
    () => {
        compile_error!("the expansion means its own")
    };
}
pub use hostile_unreachable as unreachable;

/// For a `use` of its own.
pub mod everywhere {
    /// Every type has methods whose names the expansion might use, of a reference and of the value itself.
    pub trait Everywhere {
        /// Not what a macro means.
        fn shape(&self);
        /// Not what a macro means.
        fn validation(&self);
        /// Not what a macro means.
        fn without_context(&self);
        /// Not what a macro means.
        fn value(&self);
        /// Not what a macro means.
        fn error(&self);
        /// Not what a macro means.
        fn finish(&self);
        /// Not what a macro means.
        fn handler(&self);
        /// Not what a macro means.
        fn guard(&self);
        /// Not what a macro means.
        fn interceptor(&self);
        /// Not what a macro means.
        fn pipe(&self);
        /// Not what a macro means.
        fn filter(&self);
        /// Not what a macro means.
        fn skip(&self);
        /// Not what a macro means.
        fn public(&self);
        /// Not what a macro means.
        fn concurrency(&self);
        /// Not what a macro means.
        fn message_half(&self);
        /// Not what a macro means.
        fn some_half(&self);
        /// Not what a macro means.
        fn into_inner(self)
        where
            Self: ::core::marker::Sized;
        /// Not what a macro means.
        fn get(self)
        where
            Self: ::core::marker::Sized;
        /// Not what a macro means.
        fn read(self)
        where
            Self: ::core::marker::Sized;
    }

    impl<T: ?::core::marker::Sized> Everywhere for T {
        fn shape(&self) {}
        fn validation(&self) {}
        fn without_context(&self) {}
        fn value(&self) {}
        fn error(&self) {}
        fn finish(&self) {}
        fn handler(&self) {}
        fn guard(&self) {}
        fn interceptor(&self) {}
        fn pipe(&self) {}
        fn filter(&self) {}
        fn skip(&self) {}
        fn public(&self) {}
        fn concurrency(&self) {}
        fn message_half(&self) {}
        fn some_half(&self) {}
        fn into_inner(self)
        where
            Self: ::core::marker::Sized,
        {
        }
        fn get(self)
        where
            Self: ::core::marker::Sized,
        {
        }
        fn read(self)
        where
            Self: ::core::marker::Sized,
        {
        }
    }
}
