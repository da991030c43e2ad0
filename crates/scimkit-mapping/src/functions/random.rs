//! Functions whose results cannot be foretold. Their bytes come from the environment.

use super::Function;
use crate::environment::Entropy;
use crate::expression::{Call, EvaluationErrorKind, Outcome, Stop, owned};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("Guid", &[], guid),
    Function::new(
        "RandomString",
        &["length", "minimumNumbers", "minimumSpecialCharacters", "minimumCapital", "minimumLowerCase", "charactersToAvoid"],
        random_string,
    )
    .required(5),
];

/// The most characters of a random text.
const MAX_RANDOM: usize = 256;

fn entropy<'a>(call: Call<'a>, function: &'static str) -> Result<&'a dyn Entropy, Stop> {
    let missing = EvaluationErrorKind::Environment { function, what: "random bytes" };
    call.context.environment.entropy.ok_or_else(|| missing.into())
}

fn guid(call: Call<'_>) -> Outcome<'_> {
    if let Some(guid) = call.context.environment.guid {
        return owned(uuid::Uuid::from_bytes(guid).to_string());
    }
    let mut bytes = [0; 16];
    entropy(call, "Guid")?.fill(&mut bytes);
    owned(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string())
}

/// So many characters, with at least so many of each class, in random order.
fn random_string(call: Call<'_>) -> Outcome<'_> {
    const CLASSES: [&str; 4] =
        ["0123456789", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"];
    let entropy = entropy(call, "RandomString")?;
    let count = |index: usize| usize::try_from(call.required_integer(index)?).map_err(|_| call.expected(index, "a number from 0"));
    let length = count(0)?;
    if length > MAX_RANDOM {
        return Err(call.expected(0, "a number up to 256"));
    }
    let avoided = call.text(5)?.unwrap_or_default();
    let classes: Vec<Vec<char>> = CLASSES.iter().map(|class| class.chars().filter(|c| !avoided.contains(*c)).collect()).collect();
    let mut text = Vec::with_capacity(length);
    for (class, index) in classes.iter().zip(1..) {
        for _ in 0..count(index)?.min(MAX_RANDOM + 1) {
            text.push(choose(entropy, class).ok_or_else(|| call.expected(index, "0, since all such characters are avoided"))?);
        }
    }
    if text.len() > length {
        return Err(call.expected(0, "a number that is not below the sum of the minima"));
    }
    let any: Vec<char> = classes.concat();
    while text.len() < length {
        text.push(choose(entropy, &any).ok_or_else(|| call.expected(5, "at least one character that may be used"))?);
    }
    for end in (1..text.len()).rev() {
        text.swap(end, below(entropy, end + 1));
    }
    owned(text.into_iter().collect::<String>())
}

fn choose(entropy: &dyn Entropy, from: &[char]) -> Option<char> {
    if from.is_empty() { None } else { from.get(below(entropy, from.len())).copied() }
}

/// A number below the limit, which is from 1 to 256; each is equally likely.
fn below(entropy: &dyn Entropy, limit: usize) -> usize {
    let usable = 256 - 256 % limit.clamp(1, 256);
    // A source that never gives a usable byte would be broken; the bound keeps even that one from stopping the process.
    for _ in 0..1_000 {
        let mut byte = [0];
        entropy.fill(&mut byte);
        let [byte] = byte.map(usize::from);
        if byte < usable {
            return byte % limit.clamp(1, 256);
        }
    }
    0
}
