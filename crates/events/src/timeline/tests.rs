use super::*;

fn steps(count: u32) -> Vec<Entry> {
    colored::control::set_override(false);
    (0..count).map(|i| Entry::observed(f64::from(i), format!("step {i}"))).collect()
}

#[test]
fn a_recording_reads_as_three_columns() {
    colored::control::set_override(false);
    let mut refused = Entry::observed(0.305, "GET /slow: connection reset");
    refused.here = true;
    let entries = [
        Entry::from_line(0.2124, r#"{"event":"worker-ready","worker":1,"pid":4242}"#),
        Entry::from_line(0.23, "debug: got here"),
        refused,
    ];
    assert_eq!(
        timeline(&entries, 80),
        [
            "  0.212  reported  worker 1 ready (pid 4242)",
            "  0.230  output    debug: got here",
            "  0.305  observed  GET /slow: connection reset  <- here",
        ]
    );
}

#[test]
fn a_long_recording_keeps_its_beginning_and_what_led_to_the_mark() {
    let mut entries = steps(100);
    entries[90].here = true;
    entries[50].text = "SIGTERM sent to the primary".to_owned();
    let lines = timeline(&entries, 80);
    assert!(lines[0].ends_with("step 0"));
    assert_eq!(lines[HEAD].trim(), "… 47 more");
    assert!(lines[HEAD + 1].ends_with("SIGTERM sent to the primary"));
    assert_eq!(lines[HEAD + 2].trim(), "… 30 more");
    assert!(lines[HEAD + 3].ends_with("step 81"));
    assert!(lines[lines.len() - 3].ends_with("step 90  <- here"));
    assert!(lines[lines.len() - 1].ends_with("step 92"));
    assert_eq!(lines.len(), MAX_ENTRIES + 2);
}

#[test]
fn what_decided_it_is_never_left_out() {
    let mut entries = steps(100);
    entries[10] = Entry::from_line(10.0, "thread 'main' (7) panicked at exercises/e.rs:1:5:");
    entries[12] = Entry::from_line(12.0, "not yet implemented: write the journal");
    entries[20] = Entry::from_line(
        20.0,
        r#"{"event":"worker-exited","worker":2,"pid":42,"exit":{"signal":9}}"#,
    );
    for entry in &mut entries[30..60] {
        *entry = Entry::from_line(entry.at, "noise");
    }
    let lines = timeline(&entries, 80).join("\n");
    for decisive in ["panicked at exercises/e.rs:1:5", "write the journal", "killed by SIGKILL"] {
        assert!(lines.contains(decisive), "{decisive} is missing:\n{lines}");
    }
}

#[test]
fn a_long_line_is_clipped_to_the_width_and_control_characters_are_defused() {
    colored::control::set_override(false);
    let entry = Entry::from_line(0.0, &format!("\u{1b}[31m{}", "x".repeat(500)));
    let lines = timeline(&[entry], 60);
    assert_eq!(lines.len(), LINES);
    assert!(lines.iter().all(|line| line.chars().count() <= 60 && !line.contains('\u{1b}')));
    assert!(lines[LINES - 1].ends_with("x…"));
}

#[test]
fn what_does_not_fit_goes_on_below_and_has_the_mark_at_its_end() {
    colored::control::set_override(false);
    let mut late =
        Entry::observed(0.305, "GET /ask/2?text=A&timeout_ms=300: 502 after 0.00 s: died");
    late.here = true;
    assert_eq!(
        timeline(&[late], 60),
        [
            "  0.305  observed  GET /ask/2?text=A",
            "                   &timeout_ms=300: 502 after 0.00",
            "                   s: died  <- here",
        ]
    );
    let words = Entry::observed(1.0, "ä ".repeat(40));
    assert_eq!(timeline(&[words], 39)[0], format!("  1.000  observed  {}", "ä ".repeat(10).trim()));
}

#[test]
fn a_panic_keeps_its_line_number() {
    colored::control::set_override(false);
    let folder = "some/folder/".repeat(8);
    for (place, shown) in [
        ("exercises/exercise-1.rs:129:5".to_owned(), "panicked at exercises/exercise-1.rs:129:5"),
        (format!("{folder}exercise-1.rs:129:5"), "exercise-1.rs:129:5"),
    ] {
        let text = format!("thread 'tokio-rt-worker' (1234567) panicked at {place}:");
        let line = timeline(&[Entry::from_line(0.0, &text)], 70).swap_remove(0);
        assert!(line.ends_with(shown), "{line}");
        assert!(line.chars().count() <= 70, "{line}");
    }
}

#[test]
fn a_hundred_panics_at_one_place_are_one() {
    let mut entries = steps(20);
    for request in 1..=100 {
        let at = 20.0 + f64::from(request);
        let said = format!("not yet implemented: call {request}");
        entries.push(Entry::from_line(at, "thread 'main' (7) panicked at exercises/e.rs:1:5:"));
        entries.push(Entry::from_line(at, &said));
    }
    let lines = timeline(&entries, 80);
    let panics = lines.iter().filter(|line| line.contains("panicked at")).count();
    assert_eq!(panics, 1, "{lines:#?}");
    assert!(lines.iter().any(|line| line.ends_with("not yet implemented: call 1")));
    assert_eq!(lines.len(), MAX_ENTRIES + 1, "the last ones are left out without a line");
}
