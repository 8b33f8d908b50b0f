//! From a module to an application: the half of [`Boot`] that mounts gateways.
use super::App;
use crate::Root;
use crate::di::boot::{Booting, container, init_all, make_all};
use crate::di::{Boot, Graph};
use crate::namespace::Marker;
use crate::problem::{BootError, Problem};
use std::collections::HashSet;

impl Boot {
    /// Makes everything, in the order of dependencies, and runs the init hooks.
    ///
    /// Errors: everything that is wrong with the modules and their gateways, before anything is made; then every factory that
    /// fails; then the first hook that does. The shutdown hooks have run by then, of all that was made and, where there is an init
    /// hook, initialised. So they do where this future is dropped before its end, in a task of the runtime.
    pub async fn create(self) -> Result<App, BootError> {
        let (mut plan, patience) = self.plan();
        let mut app = App::new();
        let mut problems = std::mem::take(&mut plan.problems);
        let mut seen = HashSet::new();
        // One that is there twice is told as a provider.
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
