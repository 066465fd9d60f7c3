//! Where a configuration lies: a file, S3, an SSM parameter, or the table.
