//! The attributes, from a client's side: what they expand to serves as the hand-written form does.
mod container;
mod drops;
mod graph;
mod handlers;
mod hooks;
mod implicit;
mod lifecycle;
mod log;
mod mistakes;
mod overrides;
mod problems;
mod scopes;
mod seed;
mod settings;
mod shutdown;
mod stages;
mod structs;
