//! Panics that a test has on purpose, by the thousand, are not printed; all others are.

use std::any::Any;
use std::panic;
use std::sync::Once;

/// What a brain that is to break says.
pub(crate) const BRAIN: &str = "a brain in a storm";
/// What an actor that is to break says.
pub(crate) const ACTOR: &str = "an actor in a storm";

static HUSHED: Once = Once::new();

/// Has the panics of a storm, and no others, go by without a word.
pub(crate) fn hush() {
    HUSHED.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !expected(panic.payload()) {
                loud(panic);
            }
        }));
    });
}

fn expected(payload: &dyn Any) -> bool {
    payload.downcast_ref::<&str>().is_some_and(|said| [BRAIN, ACTOR].contains(said))
}

#[test]
fn only_a_storm_is_hushed() {
    assert!(expected(&BRAIN) && expected(&ACTOR));
    assert!(!expected(&"assertion failed") && !expected(&BRAIN.to_owned()) && !expected(&7));
}
