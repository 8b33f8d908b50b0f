use super::*;
use crate::hub::Hub;
use crate::namespace::{Marker, Root};
use crate::{Limits, Namespace};

fn runtime(most: usize) -> Arc<Runtime> {
    let node = Arc::new(Node::new());
    node.configure(Limits::default().runtime_namespaces(most));
    Arc::new(Runtime::new(&node, &Arc::default()))
}

#[test]
fn a_namespace_is_there_from_its_first_seat_to_its_last() {
    let runtime = runtime(10);
    let (one, other) = (runtime.lease("/a").unwrap(), runtime.lease("/a").unwrap());
    assert!(Arc::ptr_eq(one.space(), other.space()));
    drop(one);
    assert_eq!((runtime.count(), runtime.get("/a").is_some()), (1, true));
    drop(other);
    assert_eq!((runtime.count(), runtime.get("/a").is_some(), runtime.names().len()), (0, false, 0));
    assert!(runtime.known.lock().spaces.is_empty(), "nobody has it: nothing is left");
}

#[test]
fn one_that_is_kept_is_the_same_again() {
    let runtime = runtime(1);
    let lease = runtime.lease("/a").unwrap();
    let kept = lease.space().clone();
    drop(lease);
    assert_eq!((runtime.count(), runtime.get("/a").is_some()), (0, false), "it is of no client");
    // A namespace that is only kept by a handle does not count towards the limit.
    let other = runtime.lease("/b").unwrap();
    assert!(matches!(runtime.lease("/a"), Err(Full::Namespaces)));
    drop(other);
    let again = runtime.lease("/a").unwrap();
    assert!(Arc::ptr_eq(again.space(), &kept));
    drop((again, kept));
    assert!(runtime.known.lock().spaces.is_empty());
}

#[test]
fn above_the_limit_only_those_that_are_there_have_seats() {
    let runtime = runtime(2);
    let (one, _other) = (runtime.lease("/a").unwrap(), runtime.lease("/b").unwrap());
    assert!(matches!(runtime.lease("/c"), Err(Full::Namespaces)));
    let second = runtime.lease("/a").unwrap();
    drop(one);
    assert!(matches!(runtime.lease("/c"), Err(Full::Namespaces)));
    drop(second);
    assert!(runtime.lease("/c").is_ok());
}

#[test]
fn who_comes_while_the_last_leaves_is_not_lost() {
    let runtime = runtime(usize::MAX);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20_000 {
                    let lease = runtime.lease("/a").unwrap();
                    let found = runtime.get("/a").expect("somebody has a lease");
                    assert!(Arc::ptr_eq(lease.space(), &found), "all who have seats are in one namespace");
                }
            });
        }
    });
    assert_eq!(runtime.count(), 0);
    assert!(runtime.known.lock().spaces.is_empty());
}

#[test]
fn a_namespace_is_found_by_its_name_whatever_named_it() {
    struct Admin;
    impl Namespace for Admin {
        const NAME: &'static str = "/admin";
    }
    let hub = Hub::new();
    assert!(hub.named("/admin").is_none(), "nobody has asked for its type");
    let (root, admin) = (hub.space(Marker::of::<Root>()), hub.space(Marker::of::<Admin>()));
    let lease = hub.lease("/project").ok().flatten().unwrap();
    for (name, space) in [("/", &root), ("/admin", &admin), ("/project", lease.space())] {
        assert!(hub.named(name).is_some_and(|found| Arc::ptr_eq(&found, space)), "{name}");
    }
    assert!(hub.lease("/admin").ok().unwrap().is_none(), "no request leads into it");
    drop(lease);
    assert!(hub.named("/project").is_none());
}
