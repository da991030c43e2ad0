//! Test support for scimkit users: virtual time, scripted and faulty transports, fake services, directory generators.
