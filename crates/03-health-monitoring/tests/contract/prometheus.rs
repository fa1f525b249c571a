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
            let (series, value) = line.rsplit_once(' ').ok_or_else(|| wrong("no value"))?;
            let value: f64 = value.parse().map_err(|_| wrong("no number"))?;
            let name = series.split('{').next().unwrap_or_default();
            if !is_name(name) || !has_labels(&series[name.len()..]) {
                return Err(wrong("no name with labels"));
            }
            if metrics.value(series).is_some() {
                return Err(wrong("said twice"));
            }
            let kind = kinds.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
            let kind = kind.ok_or_else(|| wrong("its TYPE does not come first"))?;
            if kind == "counter" && !name.ends_with("_total") {
                return Err(wrong("a counter's name ends with _total"));
            }
            metrics.0.push(Sample { series: series.to_owned(), kind: kind.to_owned(), value });
        }
    }
    Ok(metrics)
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == ':')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
}

/// Nothing, or `{name="value",…}`.
fn has_labels(text: &str) -> bool {
    let Some(inside) = text.strip_prefix('{') else { return text.is_empty() };
    let Some(inside) = inside.strip_suffix('}') else { return false };
    inside.split(',').filter(|label| !label.is_empty()).all(|label| {
        label.split_once('=').is_some_and(|(name, value)| {
            is_name(name) && value.len() >= 2 && value.starts_with('"') && value.ends_with('"')
        })
    })
}
