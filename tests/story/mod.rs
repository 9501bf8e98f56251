//! Stories told from outside, with the real command and real workers.

mod kill;
