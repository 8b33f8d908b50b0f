//! Compiles a gateway to its type-erased form.
use super::{CompiledGateway, Gateway, Group, InitHook};
use crate::di::{Container, NotProvided};
use crate::gateway::compiled::{NewEntry, Note};
use crate::handler::{HandlerDef, Requirements};
use crate::hub::Gate;
use crate::namespace::Marker;
use crate::{Client, Root};
use std::sync::Arc;

impl<S: Send + Sync + 'static> Gateway<S> {
    /// Compiles the gateway over its own state or, without one, over `state`. Errors: if no module provides one of its
    /// stages or included structs. `Ok(None)` if there is no state.
    pub(crate) fn build(
        self,
        state: Option<Arc<S>>,
        container: Option<&Container>,
    ) -> Result<Option<(CompiledGateway, Option<InitHook>)>, NotProvided> {
        let mut requirements = Requirements::default();
        let namespace = self.namespace.map_or_else(Marker::of::<Root>, |chosen| chosen.marker);
        let mut table = CompiledGateway::new(self.name(), namespace, self.limits, self.origins);
        table.choose_compression(self.compression);
        table.hosts = self.hosts.map(|(hosts, _)| hosts);
        let profile = table.profile_mut();
        profile.frames = self.frames;
        profile.protocols = self.protocols.names().to_vec();
        profile.patterns = self.patterns;
        profile.cancel_on_disconnect = self.cancel_on_disconnect;
        table.protocols = self.protocols;
        table.namespace_by = self.namespace_by.map(|(by, _)| by);
        let Some(state) = self.state.or(state) else { return Ok(None) };
        table.level = self.declared.make(container)?;
        for included in self.included {
            included.take(container)?;
        }
        // Index 0 is the group that the gateway's messages share.
        let shared = self.concurrency.filter(|(most, _)| *most > 1).map(|(most, _)| Group { index: 0, most });
        let mut groups = 0;
        let mut entry = |place, handler: HandlerDef<S>, requirements: &mut Requirements| {
            let reads_payload = handler.requirements.payload.is_some();
            requirements.merge(handler.requirements);
            let own = handler.concurrency.map(|most| {
                groups += 1;
                Group { index: groups, most }
            });
            let (group, level) = (own.or(shared), handler.declared.make(container)?);
            Ok(NewEntry { reads_payload, start: (handler.bind)(state.clone()), group, level, place })
        };
        for (event, place, handler) in self.events {
            table.note(Note::event(&event, handler.requirements.payload));
            let made = entry(place, handler, &mut requirements)?;
            table.insert(&event, made);
        }
        if let Some((place, handler)) = self.catch_all.into_iter().next() {
            table.note(Note::event("*", handler.requirements.payload));
            let made = entry(place, handler, &mut requirements)?;
            table.catch_all(made);
        }
        if let Some((_, gate)) = self.on_join.into_iter().next() {
            table.note(Note::hook("on join"));
            let state = state.clone();
            let gate: Gate = Arc::new(move |client: &Client, room: &str| gate(&state, client, room));
            table.profile_mut().on_join = Some(gate);
        }
        if let Some((_, hook)) = self.hooks.on_connect.into_iter().next() {
            table.note(Note::hook("on connect"));
            requirements.merge(hook.requirements);
            table.on_connect = Some((hook.bind)(state.clone()));
        }
        if let Some((_, hook)) = self.hooks.on_disconnect.into_iter().next() {
            table.note(Note::hook("on disconnect"));
            requirements.merge(hook.requirements);
            table.on_disconnect = Some((hook.bind)(state.clone()));
        }
        if let Some((place, hook)) = self.hooks.raw.into_iter().next() {
            table.raw_at = Some(place);
            table.profile_mut().raw = true;
            requirements.merge(hook.requirements);
            table.raw = Some((hook.bind)(state.clone()));
        }
        table.requirements = requirements;
        let after_init = self.after_init.into_iter().next().map(|(_, hook)| {
            table.note(Note::hook("after init"));
            Box::new(move |container| hook(state, container)) as InitHook
        });
        Ok(Some((table, after_init)))
    }
}
