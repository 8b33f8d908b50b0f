//! Every attribute with every key, where the names that its expansion might lean on mean something else, and where lints that
//! an application may deny would complain of what is expanded.
//!
//! | module | what is hostile |
//! |---|---|
//! | [`shadowed`] | everything of the prelude is another thing, and so are `std`, `core`, and names that the expansion uses itself; every type has methods of its method names |
//! | [`bare`] | there is no prelude |
//!
//! `switchboard` is called `sb` here. `tests/serves.rs` boots both and talks to them.
#![deny(warnings, missing_docs, missing_debug_implementations, unreachable_pub, unused, future_incompatible)]
#![deny(nonstandard_style, rust_2018_idioms, let_underscore, keyword_idents)]
#![deny(elided_lifetimes_in_paths, explicit_outlives_requirements, redundant_lifetimes, single_use_lifetimes)]
#![deny(trivial_casts, trivial_numeric_casts, unused_extern_crates, unused_import_braces, unused_lifetimes)]
#![deny(unused_qualifications, unused_results, variant_size_differences)]
#![deny(clippy::all, clippy::pedantic, clippy::nursery)]
#![deny(clippy::allow_attributes, clippy::allow_attributes_without_reason)]
#![deny(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::clone_on_ref_ptr,
    clippy::default_trait_access
)]
#![deny(clippy::else_if_without_else, clippy::expect_used, clippy::field_scoped_visibility_modifiers)]
#![deny(clippy::impl_trait_in_params, clippy::indexing_slicing, clippy::items_after_statements)]
#![deny(clippy::let_underscore_must_use, clippy::let_underscore_untyped, clippy::min_ident_chars)]
#![deny(clippy::missing_trait_methods, clippy::module_name_repetitions)]
#![deny(clippy::panic, clippy::partial_pub_fields, clippy::pattern_type_mismatch)]
#![deny(clippy::redundant_type_annotations)]
#![deny(clippy::ref_patterns, clippy::same_name_method, clippy::shadow_reuse, clippy::shadow_same)]
#![deny(clippy::shadow_unrelated, clippy::single_char_lifetime_names, clippy::str_to_string)]
#![deny(clippy::undocumented_unsafe_blocks, clippy::unreachable, clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

pub mod bare;
pub mod hostile;
pub mod payload;
pub mod shadowed;
