"""The running program, and the only importer of Faust."""
