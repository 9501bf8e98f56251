//! Whatever a file holds, it is read to its end or refused, and a reader that begins again comes to the same.

use proptest::prelude::*;
use understory_actors::import::Step;

use super::{FILE, META, open};

/// Lines that look like some of a rollout, with something wrong in them.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let kinds = "session_meta|response_item|event_msg|turn_context|compacted";
    let payload = prop_oneof![
        Just(r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}"#.to_owned()),
        Just(r#"{"type":"token_count","info":{"total_token_usage":{"input_tokens":3}}}"#.to_owned()),
        Just(r#"{"type":"function_call","name":"x","arguments":"{}","call_id":"c"}"#.to_owned()),
        Just(r#"{"type":"function_call_output","call_id":"c","output":[null,{}]}"#.to_owned()),
        "[\\[\\]{}\",:a-z0-9 ]{0,30}",
    ];
    let whole =
        (kinds, payload).prop_map(|(kind, payload)| format!(r#"{{"type":"{kind}","payload":{payload}}}"#).into_bytes());
    let cut = (whole.clone(), 0..60usize).prop_map(|(line, at)| line[..at.min(line.len())].to_vec());
    prop_oneof![3 => whole, 1 => cut, 1 => proptest::collection::vec(any::<u8>(), 0..40)]
}

proptest! {
    #[test]
    fn a_file_is_read_to_its_end_from_anywhere(
        lines in proptest::collection::vec(line(), 0..12),
        ended in any::<bool>(),
        with_meta in any::<bool>(),
        again in 0..12usize,
    ) {
        let mut text = if with_meta { format!("{META}\n").into_bytes() } else { Vec::new() };
        text.extend(lines.join(&b'\n'));
        if ended {
            text.push(b'\n');
        }
        let Ok(mut whole) = open(FILE, text.clone()) else { return Ok(()) };
        let mut places = Vec::new();
        loop {
            let step = whole.step().unwrap();
            places.push((whole.bytes(), whole.hash(), whole.thread().clone(), step.clone()));
            if step == Step::End {
                break;
            }
        }
        prop_assert!(whole.bytes() as usize <= text.len());
        // A file that has grown by a line meets every place of the shorter one.
        let mut grown = text.clone();
        grown.extend(b"\n{\"type\":\"compacted\",\"payload\":{}}\n");
        let mut later = open(FILE, grown).unwrap();
        for place in &places[..again.min(places.len() - 1)] {
            let step = later.step().unwrap();
            prop_assert_eq!(place, &(later.bytes(), later.hash(), later.thread().clone(), step));
        }
    }
}
