//! Prometheus' text format, read strictly.

/// Samples, in order, each with its kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics(Vec<Sample>);

#[derive(Clone, Debug)]
struct Sample {
    /// `name{label="value"}`.
    series: String,
    kind: String,
    value: f64,
}

impl Metrics {
    /// The value of a series.
    pub(crate) fn value(&self, series: &str) -> Option<f64> {
        self.0.iter().find(|sample| sample.series == series).map(|sample| sample.value)
    }

    /// Every counter, with its value.
    pub(crate) fn counters(&self) -> impl Iterator<Item = (&str, f64)> {
        let counters = self.0.iter().filter(|sample| sample.kind == "counter");
        counters.map(|sample| (sample.series.as_str(), sample.value))
    }

    /// The requests, errors and restarts, in one line.
    pub(crate) fn brief(&self) -> String {
        let told = ["worker_requests_total", "worker_errors_total", "worker_restarts_total"];
        let parts = told.iter().map(|name| {
            let of_it = self.0.iter().filter(|sample| sample.series.starts_with(name));
            let values: Vec<_> = of_it.map(|sample| sample.value.to_string()).collect();
            let name = name.trim_start_matches("worker_").trim_end_matches("_total");
            format!("{name} {}", values.join(" "))
        });
        parts.collect::<Vec<_>>().join(", ")
    }
}

/// Reads `text`; `Err` says what is wrong, and with which line.
pub(crate) fn parse(text: &str) -> Result<Metrics, String> {
    let mut metrics = Metrics::default();
    let mut kinds: Vec<(&str, &str)> = Vec::new();
    if !text.ends_with('\n') {
        return Err("the last line has no end".to_owned());
    }
    for line in text.lines().filter(|line| !line.is_empty()) {
        let wrong = |what: &str| format!("{what}: {line}");
        if let Some(comment) = line.strip_prefix("# TYPE ") {
            let (name, kind) = comment.split_once(' ').ok_or_else(|| wrong("no type"))?;
            if !["counter", "gauge", "histogram", "summary", "untyped"].contains(&kind) {
                return Err(wrong("no such type"));
            }
            if kinds.iter().any(|(known, _)| *known == name) {
                return Err(wrong("its type was said before"));
            }
            kinds.push((name, kind));
        } else if !line.starts_with('#') {
            let (name, labels, rest) = split(line).ok_or_else(|| wrong("no name with labels"))?;
            let series = format!("{name}{labels}");
            let mut numbers = rest.split_whitespace();
            let value: f64 = numbers
                .next()
                .ok_or_else(|| wrong("no value"))?
                .parse()
                .map_err(|_| wrong("no number"))?;
            if numbers.next().is_some_and(|time| time.parse::<i64>().is_err())
                || numbers.next().is_some()
            {
                return Err(wrong("no time"));
            }
            if metrics.value(&series).is_some() {
                return Err(wrong("said twice"));
            }
            let kind =
                kind_of(name, &kinds).ok_or_else(|| wrong("its TYPE does not come first"))?;
            if kind == "counter" && !name.ends_with("_total") {
                return Err(wrong("a counter's name ends with _total"));
            }
            metrics.0.push(Sample { series, kind: kind.to_owned(), value });
        }
    }
    Ok(metrics)
}

/// The type of the family that a sample belongs to. A histogram's samples have names of their own.
fn kind_of<'a>(name: &str, kinds: &[(&str, &'a str)]) -> Option<&'a str> {
    let of = |name: &str| kinds.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
    let family = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
    let is_made_of_several = |kind: &&str| ["histogram", "summary"].contains(kind);
    of(name).or_else(|| of(family?).filter(is_made_of_several))
}

/// `name{label="value"} 1 1700000000000` in its three parts; the second may be empty.
fn split(line: &str) -> Option<(&str, &str, &str)> {
    let (name, rest) = line.split_at(line.find(['{', ' '])?);
    let labels = labels(rest)?;
    is_name(name).then(|| (name, &rest[..labels], &rest[labels..]))
}

/// The length of `{name="value",…}` at the beginning of `text`, 0 if there is none; `None` when it
/// is not well formed. What is quoted may contain anything.
fn labels(text: &str) -> Option<usize> {
    let Some(mut left) = text.strip_prefix('{') else { return Some(0) };
    loop {
        if let Some(rest) = left.strip_prefix('}') {
            return Some(text.len() - rest.len());
        }
        let (name, value) = left.split_once("=\"")?;
        let mut is_escaped = false;
        let end = value.find(|c: char| {
            let is_end = c == '"' && !is_escaped;
            is_escaped = c == '\\' && !is_escaped;
            is_end
        })?;
        left = &value[end + 1..];
        left = left.strip_prefix(',').or_else(|| left.starts_with('}').then_some(left))?;
        if !is_name(name) {
            return None;
        }
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == ':')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
}
