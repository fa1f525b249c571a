//! What Redis does in one step: a script runs alone, from its first line to its last.
//!
//! The keys of a script are made of one name, which stands in braces. So a Redis Cluster keeps all of
//! them on one node, where a script can reach them.

use std::sync::LazyLock;

use redis::Script;

/// Sets KEYS[1] if it is what is expected: ARGV is (1, expected) or (0, anything), the value, and the
/// lifetime in milliseconds, or 0.
pub(crate) static SWAP: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local value = redis.call('GET', KEYS[1])
        if ARGV[1] == '0' then
            if value then return 0 end
        elseif value ~= ARGV[2] then
            return 0
        end
        if ARGV[4] == '0' then
            redis.call('SET', KEYS[1], ARGV[3])
        else
            redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
        end
        return 1",
    )
});

/// Takes the lock KEYS[1] for ARGV[1] milliseconds, with a token from KEYS[2]. That counter has no
/// lifetime: when it went, tokens would begin at 1 again.
pub(crate) static LOCK: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        if redis.call('EXISTS', KEYS[1]) == 1 then return false end
        local token = redis.call('INCR', KEYS[2])
        redis.call('SET', KEYS[1], token, 'PX', ARGV[1])
        return token",
    )
});

/// Gives the lock KEYS[1] back, and keeps the result ARGV[2] in KEYS[3] if there is one, if ARGV[1] is the
/// newest token, which is in KEYS[2].
pub(crate) static FINISH: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
        if ARGV[2] then redis.call('HSET', KEYS[3], 'token', ARGV[1], 'result', ARGV[2]) end
        redis.call('DEL', KEYS[1])
        return 1",
    )
});

/// Makes ARGV[1] the next version in KEYS[1], and tells the subscribers of ARGV[2] that ARGV[3] has
/// changed.
pub(crate) static CHANGE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local number = redis.call('HINCRBY', KEYS[1], 'number', 1)
        redis.call('HSET', KEYS[1], 'value', ARGV[1])
        redis.call('PUBLISH', ARGV[2], ARGV[3])
        return number",
    )
});
