//! The order in which everything can be created, and the cycles that prevent it.
use super::Plan;
use crate::di::dependency::{Dependency, Strength};
use crate::problem::Problem;
use std::collections::HashSet;
use std::panic::Location;

impl Plan {
    /// Sorts providers after their dependencies. Reports each cycle once, as a path.
    pub(super) fn sort(&mut self) {
        let mut search = Search {
            plan: self,
            state: vec![State::Unseen; self.providers.len()],
            path: Vec::new(),
            order: Vec::new(),
            cycles: Vec::new(),
        };
        for at in 0..search.plan.providers.len() {
            search.visit(at);
        }
        let Search { order, cycles, .. } = search;
        self.order = order;
        self.problems.extend(cycles);
    }

    /// Returns the providers that this one depends on, each with the dependency.
    pub(in crate::di) fn asked_for(&self, at: usize) -> impl Iterator<Item = (usize, &Dependency)> {
        let dependencies = self.providers[at].provider.dependencies.iter();
        let before =
            dependencies.filter(|dependency| matches!(dependency.strength, Strength::Required | Strength::Optional));
        before.filter_map(|dependency| self.by_type.get(&dependency.type_id).map(|&at| (at, dependency)))
    }
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Unseen,
    OnPath,
    Done,
}

struct Search<'a> {
    plan: &'a Plan,
    state: Vec<State>,
    path: Vec<(usize, &'static Location<'static>)>,
    order: Vec<usize>,
    cycles: Vec<Problem>,
}

impl Search<'_> {
    fn visit(&mut self, at: usize) {
        if self.state[at] != State::Unseen {
            return;
        }
        self.state[at] = State::OnPath;
        let mut asked: Vec<_> = self.plan.asked_for(at).map(|(next, dependency)| (next, dependency.place)).collect();
        let mut seen = HashSet::new();
        asked.retain(|(next, _)| seen.insert(*next));
        for (next, place) in asked {
            self.path.push((at, place));
            if self.state[next] == State::OnPath {
                self.cycle(next);
            } else {
                self.visit(next);
            }
            self.path.pop();
        }
        self.state[at] = State::Done;
        self.order.push(at);
    }

    fn cycle(&mut self, first: usize) {
        let from = self.path.iter().position(|(at, _)| *at == first).unwrap_or(0);
        let around = &self.path[from..];
        let name = |at: usize| self.plan.providers[at].provider.name.as_str();
        let mut names: Vec<&str> = around.iter().map(|(at, _)| name(*at)).collect();
        names.push(name(first));
        let message = format!(
            "these ask for each other: {}; move what both need into a third, or let one inject the \
             `Container` and resolve the other when it is needed",
            names.join(" → ")
        );
        let places: Vec<_> = around.iter().map(|(_, place)| *place).collect();
        self.cycles.push(Problem::new(message, &places));
    }
}
