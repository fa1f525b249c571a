use std::fs;

use tempfile::TempDir;

use super::*;
use crate::{Kind, Work};

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("spool");
    (folder, path)
}

fn task(id: u64) -> Task {
    Task::new(Id(id), Work { kind: Kind::Prime, n: id, priority: 0, key: None })
}

fn opened(path: &Path) -> (Spool, Recovered) {
    Spool::open(path).unwrap_or_else(|error| panic!("{error}"))
}

fn ids(recovered: &Recovered) -> Vec<u64> {
    recovered.tasks.iter().map(|task| task.id.0).collect()
}

#[test]
fn what_was_written_is_there_again_in_the_order_of_the_last_lines() {
    let (_folder, path) = folder();
    let (mut spool, recovered) = opened(&path);
    assert_eq!((ids(&recovered), recovered.next), (vec![], Id(1)));
    for id in 1..=3 {
        spool.write(&task(id)).expect("room");
    }
    let ended = Task { attempts: 1, state: State::Completed(true.into()), ..task(1) };
    spool.write(&ended).expect("room");
    drop(spool);
    let (_spool, recovered) = opened(&path);
    assert_eq!((ids(&recovered), recovered.next), (vec![2, 3, 1], Id(4)));
    assert_eq!(recovered.tasks.last(), Some(&ended));
}

#[test]
fn half_a_last_line_is_dropped_and_a_bad_one_before_it_is_refused() {
    let (_folder, path) = folder();
    opened(&path).0.write(&task(1)).expect("room");
    let whole = fs::read_to_string(&path).expect("the spool");
    for cut in 1..whole.len() {
        fs::write(&path, &whole[..cut]).expect("room");
        let (mut spool, recovered) = opened(&path);
        assert_eq!(ids(&recovered), [0; 0], "after {cut} bytes");
        spool.write(&task(9)).expect("room");
        drop(spool);
        assert_eq!(ids(&opened(&path).1), [9], "after {cut} bytes");
    }
    for bad in [format!("{whole}tea\n{{}}\n"), "tea".to_owned(), format!("tea\n{whole}")] {
        fs::write(&path, &bad).expect("room");
        assert!(Spool::open(&path).is_err(), "{bad}");
        assert_eq!(fs::read_to_string(&path).expect("the spool"), bad, "its bytes stay");
    }
}

#[test]
fn the_file_does_not_grow_forever_and_no_number_is_given_out_twice() {
    let (_folder, path) = folder();
    let (mut spool, _) = opened(&path);
    for id in 1..=5000 {
        spool.write(&task(id)).expect("room");
        if id > 10 {
            spool.forget(Id(id - 10));
        }
    }
    drop(spool);
    let lines = fs::read_to_string(&path).expect("the spool").lines().count() as u64;
    assert!(lines <= SLACK + 30, "{lines}");
    let (mut spool, recovered) = opened(&path);
    assert_eq!(recovered.next, Id(5001));
    assert!(ids(&recovered).ends_with(&(4991..=5000).collect::<Vec<_>>()));
    spool.forget(Id(5000));
}

#[test]
fn a_spool_has_one_user_at_a_time() {
    let (_folder, path) = folder();
    let (_spool, _) = opened(&path);
    assert!(Spool::open(&path).is_err());
}
