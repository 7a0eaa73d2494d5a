//! Sessions: found by the token that a browser keeps, and ended.

pub mod end;
pub mod find;
