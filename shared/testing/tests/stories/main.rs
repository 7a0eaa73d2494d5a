//! Stories: the whole bundle in one process, named by behaviour.

mod master;
