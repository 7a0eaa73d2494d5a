//! Sessions: found by the token that a browser keeps, and ended.

pub mod begin;
pub mod end;
pub mod find;
