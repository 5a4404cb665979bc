# What CONTRIBUTING.md says, by a short name: https://just.systems

# List what there is
default:
    @just --list

# Make the environment
setup:
    python3 -m venv --upgrade-deps .venv && .venv/bin/pip install -e '.[test,ci]'

# All tests but those that want a machine to themselves
test *arguments:
    .venv/bin/pytest {{arguments}}

# Processes that share a budget, and processes that are killed
alone:
    .venv/bin/pytest -n 0 tests/sharing tests/survival

# Lint and format
lint:
    .venv/bin/ruff check && .venv/bin/ruff format

# Strict types
types:
    .venv/bin/mypy

# Which room may import which
rooms:
    .venv/bin/lint-imports

# Whatever is written from the code: tables, menu, first answers, forms
write:
    .venv/bin/python packaging/write_docs.py

# The main job from one end to the other, without a key
demo:
    .venv/bin/flipsnack-mcp demo

# The bundle for Claude Desktop
bundle file="flipsnack.mcpb":
    .venv/bin/python packaging/bundle.py {{file}}

# Everything, from a clean checkout
gate:
    bash .ci/run
