//! What Redis does in one step: a script runs alone, from its first line to its last.
//!
//! Every key begins with the same prefix, whose braces make a Redis Cluster keep all of them on one
//! node. The scripts make the key of a task from that prefix: KEYS[1] is the prefix with `tasks`.
//!
//! | key | what it is |
//! |---|---|
//! | `tasks` | the stream of all tasks that have not ended |
//! | `next` | the number of the newest task |
//! | `task:7` | a hash: `work`, `status`, `attempts`, `result` or `error`, `entry` in the stream |
//! | `ended` | the tasks that have ended and are remembered, oldest first |
//! | `counts` | a hash: how many tasks are `completed`, `failed`, and forgotten |
//! | `dead` | the stream of tasks that killed all of their workers: work for a person |
//! | `key:K` | the task that was submitted with the `Idempotency-Key` K |

use std::sync::LazyLock;

use redis::Script;

/// Submits the work ARGV[3] to the group ARGV[1], unless ARGV[2] tasks wait. ARGV[4] is an idempotency
/// key, or empty. Returns the task's number; 0 when the queue is full.
///
/// Never bound a work queue with MAXLEN: it deletes what no machine has done yet.
pub(crate) static SUBMIT: LazyLock<Script> = LazyLock::new(|| {
    script(
        r"
        redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
        local known = ARGV[4] ~= '' and redis.call('GET', prefix .. 'key:' .. ARGV[4])
        if known then return tonumber(known) end
        local handed_out = redis.call('XPENDING', KEYS[1], ARGV[1])[1]
        if redis.call('XLEN', KEYS[1]) - handed_out >= tonumber(ARGV[2]) then return 0 end
        local id = redis.call('INCR', prefix .. 'next')
        local entry = redis.call('XADD', KEYS[1], '*', 'id', id)
        redis.call('HSET', prefix .. 'task:' .. id, 'work', ARGV[3], 'status', 'queued',
            'attempts', 0, 'entry', entry, 'key', ARGV[4])
        if ARGV[4] ~= '' then redis.call('SET', prefix .. 'key:' .. ARGV[4], id) end
        return id",
    )
});

/// Consumer ARGV[2] of the group ARGV[1] starts the task ARGV[4], whose entry is ARGV[3], as attempt
/// ARGV[5]. Returns 0, and changes nothing, if the task is another consumer's by now.
pub(crate) static START: LazyLock<Script> = LazyLock::new(|| {
    script(
        r"
        if not is_mine(ARGV[3]) then return 0 end
        redis.call('HSET', prefix .. 'task:' .. ARGV[4], 'status', 'processing',
            'attempts', ARGV[5])
        return 1",
    )
});

/// The task ARGV[4], whose entry is ARGV[3], ends: its status is ARGV[5], and its field ARGV[6] is
/// ARGV[7]. ARGV[8] ends are remembered. Returns 0, and changes nothing, if the task is another
/// consumer's by now.
///
/// XACK alone would ask for no ownership, and would leave the entry in the stream for good.
pub(crate) static FINISH: LazyLock<Script> = LazyLock::new(|| {
    script(
        r"
        if not is_mine(ARGV[3]) then return 0 end
        redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
        redis.call('XDEL', KEYS[1], ARGV[3])
        redis.call('HSET', prefix .. 'task:' .. ARGV[4], 'status', ARGV[5], ARGV[6], ARGV[7])
        redis.call('HINCRBY', prefix .. 'counts', ARGV[5], 1)
        if ARGV[7] == 'attempts' then
            redis.call('XADD', prefix .. 'dead', '*', 'id', ARGV[4])
        end
        redis.call('RPUSH', prefix .. 'ended', ARGV[4])
        while redis.call('LLEN', prefix .. 'ended') > tonumber(ARGV[8]) do
            local oldest = prefix .. 'task:' .. redis.call('LPOP', prefix .. 'ended')
            local of = redis.call('HMGET', oldest, 'key', 'status')
            if of[1] ~= '' then redis.call('DEL', prefix .. 'key:' .. of[1]) end
            redis.call('DEL', oldest)
            redis.call('HINCRBY', prefix .. 'counts', of[2], -1)
            redis.call('HINCRBY', prefix .. 'counts', 'forgotten', 1)
        end
        return 1",
    )
});

/// Begins the lease of the entry ARGV[3] anew. Returns 0 if it is another consumer's by now: renewed
/// without that look, a machine that was frozen would steal its task back.
pub(crate) static RENEW: LazyLock<Script> = LazyLock::new(|| {
    script(
        r"
        if not is_mine(ARGV[3]) then return 0 end
        redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'JUSTID')
        return 1",
    )
});

/// Ends the lease of the entry ARGV[3] now, so that the next look of any machine finds it. ARGV[4] is
/// its task, which waits again.
pub(crate) static GIVE_BACK: LazyLock<Script> = LazyLock::new(|| {
    script(
        r"
        if not is_mine(ARGV[3]) then return 0 end
        redis.call('HSET', prefix .. 'task:' .. ARGV[4], 'status', 'queued')
        redis.call('XCLAIM', KEYS[1], ARGV[1], 'given-back', 0, ARGV[3], 'IDLE', 86400000, 'JUSTID')
        return 1",
    )
});

/// Removes consumers that hold nothing, if they have been silent for ARGV[3] ms. One that holds tasks
/// must stay: its tasks would vanish with it.
pub(crate) static TIDY: LazyLock<Script> = LazyLock::new(|| {
    script(
        r"
        for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
            local of = {}
            for i = 1, #consumer, 2 do of[consumer[i]] = consumer[i + 1] end
            if of.pending == 0 and of.idle >= tonumber(ARGV[3]) then
                redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], of.name)
            end
        end
        return 1",
    )
});

/// All counts at one moment: submitted, waiting, handed out, completed, failed, forgotten.
pub(crate) static COUNTS: LazyLock<Script> = LazyLock::new(|| {
    script(
        r"
        redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
        local handed_out = redis.call('XPENDING', KEYS[1], ARGV[1])[1]
        local counts = redis.call('HMGET', prefix .. 'counts', 'completed', 'failed',
            'forgotten')
        return { tonumber(redis.call('GET', prefix .. 'next') or 0),
            redis.call('XLEN', KEYS[1]) - handed_out, handed_out,
            tonumber(counts[1] or 0), tonumber(counts[2] or 0), tonumber(counts[3] or 0) }",
    )
});

/// A script, after what all of them need.
fn script(text: &str) -> Script {
    let shared = r"
        local prefix = string.sub(KEYS[1], 1, -6)
        local function is_mine(entry)
            -- Without a group, after a flush, no machine has anything.
            return #redis.pcall('XPENDING', KEYS[1], ARGV[1], entry, entry, 1, ARGV[2]) == 1
        end";
    Script::new(&format!("{shared}{text}"))
}
