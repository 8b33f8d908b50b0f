//! Every order of parameters, by macro.

/// `orders!(act, into, [] [kinds] [one token for each parameter at most])` calls `act!(into, picked kinds)` for every
/// order of every choice of kinds. `payload` and `valid` stand side by side in the list, and exclude each other.
macro_rules! orders {
    ($act:ident, $into:ident, [$($picked:ident)*] [$($left:ident)*] [$($fuel:tt)*]) => {
        $act!($into, $($picked)*);
        orders!(@each $act, $into, [$($picked)*] [] [$($left)*] [$($fuel)*]);
    };
    (@each $act:ident, $into:ident, [$($picked:ident)*] [$($skipped:ident)*] [] [$($fuel:tt)*]) => {};
    (@each $act:ident, $into:ident, [$($picked:ident)*] [$($skipped:ident)*] [$($left:ident)+] []) => {};
    (@each $act:ident, $into:ident,
        [$($picked:ident)*] [$($skipped:ident)*] [payload valid $($left:ident)*] [$one:tt $($fuel:tt)*]
    ) => {
        orders!($act, $into, [$($picked)* payload] [$($skipped)* $($left)*] [$($fuel)*]);
        orders!($act, $into, [$($picked)* valid] [$($skipped)* $($left)*] [$($fuel)*]);
        orders!(@each $act, $into, [$($picked)*] [$($skipped)* payload valid] [$($left)*] [$one $($fuel)*]);
    };
    (@each $act:ident, $into:ident,
        [$($picked:ident)*] [$($skipped:ident)*] [$next:ident $($left:ident)*] [$one:tt $($fuel:tt)*]
    ) => {
        orders!($act, $into, [$($picked)* $next] [$($skipped)* $($left)*] [$($fuel)*]);
        orders!(@each $act, $into, [$($picked)*] [$($skipped)* $next] [$($left)*] [$one $($fuel)*]);
    };
}

/// The type of a kind of parameter.
macro_rules! kind {
    (payload) => { crate::params::Data };
    (valid) => { switchboard::Valid<crate::params::Data> };
    (client) => { &switchboard::Client };
    (state) => { switchboard::ConnState<crate::params::Count> };
    (ext) => { switchboard::Ext<crate::params::Tenant> };
    (headers) => { switchboard::extract::Headers };
    (event) => { switchboard::EventName };
    (reason) => { switchboard::DisconnectReason };
    (socket) => { switchboard::Socket };
}

/// An `async fn(&Trace, kinds..)` that awaits while it borrows the trace and each parameter, and ends with what it was
/// given, as words.
macro_rules! traced {
    ($name:ident, [$($kind:ident)*] -> $out:ty, |$trace:ident, $said:ident| $end:expr) => {
        async fn $name($trace: &crate::params::Trace $(, $kind: kind!($kind))*) -> $out {
            $trace.pause().await;
            let said: Vec<String> = vec![$($trace.note(&$kind).await),*];
            let $said = said.join(" ");
            $end
        }
    };
}
