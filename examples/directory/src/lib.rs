//! A small seeded generator of a company directory in the shape of Microsoft Graph delta pages.
