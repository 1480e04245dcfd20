.PHONY: install test lint docs ci

install:
	pip install -c constraints.txt -e ".[test,docs]"

test:
	pytest -n 2 --dist loadscope

lint:
	ruff check .
	ruff format --check .

docs:
	mkdocs build --strict

ci:
	.ci/run
