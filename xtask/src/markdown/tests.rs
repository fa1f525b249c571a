//! What a guide looks like in a plain terminal.

use super::*;

fn plain(text: &str, width: usize, folds: Folds) -> String {
    colored::control::set_override(false);
    render(text, width, folds)
}

#[test]
fn paragraphs_are_joined_and_wrapped_and_headings_underlined() {
    let text = "# Title\nOne two\nthree **four** `five six`.\n\n## Next\n";
    assert_eq!(
        plain(text, 20, Folds::Closed),
        "Title\n═════\n\nOne two three four\n`five six`.\n\nNext\n────"
    );
}

#[test]
fn list_items_hang_and_stay_together() {
    let text = "- one two three four five\n  six\n- two\n  - inner\n\n1. first\n2. second\n";
    assert_eq!(
        plain(text, 22, Folds::Closed),
        "• one two three four\n  five six\n• two\n  • inner\n1. first\n2. second"
    );
}

#[test]
fn code_keeps_its_lines_and_its_marks() {
    let text = "```rust from=src/lib.rs\nlet a = b * c;\n\n    *x = [1];\n```\nAfter.";
    assert_eq!(
        plain(text, 40, Folds::Closed),
        "    let a = b * c;\n    \n        *x = [1];\n\nAfter."
    );
}

#[test]
fn answers_are_folded_until_asked_for() {
    let text = "<details>\n<summary>Which one dies?</summary>\n\nThe *first*.\n\n</details>\n\nOn.";
    let closed = plain(text, 60, Folds::Closed);
    assert_eq!(closed, "▸ Which one dies? (--answers unfolds)\n\nOn.");
    let open = plain(text, 60, Folds::Open);
    assert_eq!(open, "▸ Which one dies?\n\nThe first.\n\nOn.");
}

#[test]
fn a_table_fits_the_width() {
    let text = "| signal | what it does |\n|---|---|\n| `a\\|b` | one two three four five |\n";
    assert_eq!(
        plain(text, 24, Folds::Closed),
        "signal  what it does\n──────  ────────────────\n`a|b`   one two three\n        four five"
    );
}

#[test]
fn links_name_their_target_and_stray_marks_stay() {
    assert_eq!(
        plain("See [the guide](01.md) and [below](#x), 2 * 3 [sic].", 80, Folds::Closed),
        "See the guide (01.md) and below, 2 * 3 [sic]."
    );
    assert_eq!(plain("a_b_c and \\*kept\\*", 80, Folds::Closed), "a_b_c and *kept*");
}

#[test]
fn a_quotation_is_one_block() {
    assert_eq!(plain("> one\n> two", 80, Folds::Closed), "│ one two");
}
