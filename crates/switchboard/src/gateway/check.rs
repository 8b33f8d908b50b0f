//! Validates a gateway on its own, without the application.
use super::Gateway;
use crate::pipeline::Implicit;
use crate::problem::Problem;
use std::panic::Location;
use switchboard_core::{check_event, is_reserved};

/// The highest allowed concurrency: messages of one client that are handled at a time.
const MOST_AT_A_TIME: usize = 1024;

impl<S: Send + Sync + 'static> Gateway<S> {
    /// Adds the mistakes of this gateway to `problems`.
    pub(crate) fn check(&self, problems: &mut Vec<Problem>) {
        let name = self.name();
        self.site.check(&name, problems);
        self.protocols.check(&name, self.hooks.raw.first().map(|(at, _)| *at), problems);
        if let (Some((at, _)), Some((_, raw, _))) = (self.hooks.raw.first(), self.events.first()) {
            problems.push(Problem::new(
                format!("the gateway {name} has a raw loop and events; a raw gateway owns its socket alone"),
                &[at, raw],
            ));
        }
        if let (Some((at, _)), Some((other, _))) = (self.hooks.raw.first(), self.catch_all.first()) {
            problems.push(Problem::new(
                format!("the gateway {name} has a raw loop and a handler of all other events; a raw gateway owns its socket alone"),
                &[at, other],
            ));
        }
        if let (Some(chosen), Some((_, by))) = (self.namespace_at(), &self.namespace_by) {
            let message = format!("{name} has a namespace, and one by the request; remove one");
            problems.push(Problem::new(message, &[chosen.1, by]));
        }
        for (at, (event, place, _)) in self.events.iter().enumerate() {
            if let Err(why) = check_event(event) {
                problems.push(Problem::new(format!("the event name {event:?} of {name} is refused: {why}"), &[place]));
            } else if is_reserved(event) {
                let message = format!("the event name {event:?} of {name} belongs to the server; choose another");
                problems.push(Problem::new(message, &[place]));
            }
            if let Some((_, first, _)) = self.events[..at].iter().find(|(known, _, _)| known == event) {
                let message = format!("the event {event:?} of {name} has two handlers; remove one");
                problems.push(Problem::new(message, &[first, place]));
            }
        }
        let mut one = |places: Vec<&'static Location<'static>>, what: &str| {
            if let [first, second, ..] = places[..] {
                problems.push(Problem::new(format!("{name} has two {what}; remove one"), &[first, second]));
            }
        };
        one(self.hooks.on_connect.iter().map(|(at, _)| *at).collect(), "on-connect hooks");
        one(self.hooks.on_disconnect.iter().map(|(at, _)| *at).collect(), "on-disconnect hooks");
        one(self.hooks.raw.iter().map(|(at, _)| *at).collect(), "raw loops");
        one(self.on_join.iter().map(|(at, _)| *at).collect(), "join hooks");
        one(self.catch_all.iter().map(|(at, _)| *at).collect(), "handlers of all other events");
        one(self.after_init.iter().map(|(at, _)| *at).collect(), "after-init hooks");
        self.check_concurrency(&name, problems);
        problems.extend(self.included.iter().flat_map(|included| included.problems()).cloned());
        for (event, _, handler) in &self.events {
            handler.declared.check_message(&format!("`{event}` of {name}"), problems);
        }
        if let Some((hosts, place)) = &self.hosts {
            problems
                .extend(crate::problem::wrong_host(hosts).map(|why| Problem::new(format!("{name}: {why}"), &[place])));
        }
        if let Some(limits) = &self.limits {
            let place = self.events.first().map(|(_, at, _)| *at);
            for why in limits.problems() {
                problems.push(Problem::new(format!("the limits of {name}: {why}"), place.as_slice()));
            }
        }
    }

    fn check_concurrency(&self, name: &str, problems: &mut Vec<Problem>) {
        let own = self.events.iter().map(|(event, place, handler)| (&**event, *place, handler.concurrency));
        let other = self.catch_all.iter().map(|(place, handler)| ("*", *place, handler.concurrency));
        let wrong = |most: usize| most == 0 || most > MOST_AT_A_TIME;
        for (event, place, _) in own.chain(other).filter(|(_, _, most)| most.is_some_and(wrong)) {
            let message = format!("the concurrency of `{event}` of {name} must be 1 to {MOST_AT_A_TIME}");
            problems.push(Problem::new(message, &[place]));
        }
        if let Some((_, place)) = self.concurrency.filter(|(most, _)| wrong(*most)) {
            let message = format!("the concurrency of {name} must be 1 to {MOST_AT_A_TIME}");
            problems.push(Problem::new(message, &[place]));
        }
    }

    /// Returns what the gateway's stages, and those of its messages, need from the container.
    pub(crate) fn implicit(&self) -> Vec<Implicit> {
        let own = self.events.iter().map(|(_, _, handler)| handler);
        let other = self.catch_all.iter().map(|(_, handler)| handler);
        let inner = own.chain(other).flat_map(|handler| handler.declared.implicit());
        self.declared.implicit().chain(inner).collect()
    }
}
