//! The attributes, from a client's side: what they expand to serves as the hand-written form does.
mod seed;
