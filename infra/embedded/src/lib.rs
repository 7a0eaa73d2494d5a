//! AWS in one process: database, queues and stream, under the unmodified clients.
