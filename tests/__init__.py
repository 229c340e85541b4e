"""The test suite. It mirrors the code; what needs no server is tested without one."""
