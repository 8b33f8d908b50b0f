//! Creates an application from a module: the half of [`Boot`] that mounts gateways.
use super::App;
use crate::Root;
use crate::di::boot::{Booting, container, init_all, make_all};
use crate::di::{Boot, Graph};
use crate::namespace::Marker;
use crate::problem::{BootError, Problem};
use std::collections::HashSet;

impl Boot {
    /// Creates all services, in the order of their dependencies, and runs the init hooks.
    ///
    /// Errors: all problems of the modules and their gateways, before anything is created; then every factory that
    /// fails; then the first init hook that fails; then the after-init hooks that fail.
    ///
    /// If creation fails, the shutdown hooks run before the error is returned. They run for everything that was made; a
    /// provider with an init hook counts only once that hook has succeeded. If this future is dropped before it
    /// completes, the same hooks run in a task spawned on the current runtime; outside a runtime they do not run, and a
    /// warning is logged.
    pub async fn create(self) -> Result<App, BootError> {
        let (mut plan, patience) = self.plan();
        let mut app = App::new();
        let mut problems = std::mem::take(&mut plan.problems);
        let mut seen = HashSet::new();
        // A gateway that is listed twice has already been reported, as a duplicate provider.
        for planned in plan.gateways.iter_mut().filter(|planned| seen.insert(planned.gateway.type_id)) {
            let gateway = &mut planned.gateway;
            problems.append(&mut gateway.problems);
            let (marker, named_at) = gateway.namespace.unwrap_or((Marker::of::<Root>(), gateway.place));
            problems.extend(app.settle_namespace(marker, named_at).err());
            problems.extend(app.reserve(gateway.path, &gateway.site, gateway.place, &gateway.name).err());
        }
        fail(problems)?;
        app.graph = Graph::from_plan(&plan);
        let container = container(&mut plan, &app.handle());
        let mut booting = Booting::new(&container, patience);
        if let Err(error) = fail(make_all(&mut plan, &mut booting).await) {
            booting.undo().await;
            return Err(error);
        }
        app.container = container.kept();
        for module in &mut plan.modules {
            app.declare(std::mem::take(&mut module.stages));
        }
        for planned in std::mem::take(&mut plan.gateways) {
            let gateway = planned.gateway;
            match (gateway.build)(&container) {
                Ok((table, after_init)) => app.put(gateway.path, &gateway.site, gateway.place, table, after_init),
                Err(missing) => {
                    booting.undo().await;
                    return Err(missing.into());
                }
            }
        }
        if let Err(problem) = init_all(&mut plan, &mut booting).await {
            booting.undo().await;
            return Err(BootError::new(vec![problem]));
        }
        app.patience = patience;
        if let Err(error) = app.init().await {
            booting.undo().await;
            return Err(error);
        }
        if let Some(teardown) = booting.succeed() {
            *app.hooks.lock() = Some(Box::new(move |deadline| Box::pin(teardown.run(deadline))));
        }
        for line in app.graph.summary() {
            tracing::info!("{line}");
        }
        Ok(app)
    }
}

fn fail(problems: Vec<Problem>) -> Result<(), BootError> {
    if problems.is_empty() { Ok(()) } else { Err(BootError::new(problems)) }
}
