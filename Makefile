# Everything runs from a bare clone, as root on Debian: each target sets up what it needs first.
#
#   make demo    netboot a virtual machine before your eyes
#   make test    all tests, real firmware included
#   make fast    the tests that take seconds
#   make lab     boots of real firmware in QEMU, those that CI makes
#   make lab-all every boot, and dnsmasq's beside them, into docs/reference/compatibility.md
#   make servers attacks on whole servers, servers with strangers' plugins, servers that give up root; some minutes
#   make fuzz    look for inputs that a parser cannot take, for SECONDS=60 in all
#   make soak    a server under load for MINUTES=10; fails if it grows
#   make check   lint, types, import rules
#   make docs    the documentation site, into site/; a link that leads nowhere is an error
#   make picture the front page's picture, of a boot that it makes
#   make page-pictures  the pictures of the status page; ARGS=all for every width and colour
#   make bench   measure beside dnsmasq and nginx
#   make bench-boot  power-on to Linux, beside dnsmasq with the same iPXE
#   make wheels  wheels and source archives of the core and all plugins, into dist/
#   make deb     Debian packages for Debian 12 and 13, into dist/, tried in fresh roots
#   make image   a container image, into dist/, tried as engines run it, to a boot of real firmware
#   make kubernetes  render and validate the manifests
#   make release build and check everything that a release consists of, into dist/
#   make other-debian   the fast tests in a fresh clone in a bare system of SUITE=trixie
#   make check-pythons  the fast tests with every other Python from 3.11 on that is found here

PYTHON ?= python3
BIN := .venv/bin
# A file's tests stay together, for the sake of what they share. In the order of the folders: those with few tests, which
# xdist would put last, take longest, and one processor would wait for the other's.
SIDE_BY_SIDE := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
PLUGINS := $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml))

# Where bytecode may not be kept, each of some hundred processes would compile everything anew.
export PYTHONDONTWRITEBYTECODE :=

SECONDS ?= 60
MINUTES ?= 10
SUITES ?= bookworm trixie
SUITE ?= trixie
TARGETS ?= fast

.PHONY: demo test fast servers lab lab-all fuzz soak check docs picture page-pictures bench bench-boot wheels dist deb image kubernetes release \
	other-debian check-pythons clean system

demo: system .venv/ready
	$(BIN)/python -m tests.lab.demo $(ARGS)

test: fast servers lab

fast: system .venv/ready
	$(BIN)/python -m pytest -m 'not lab and not servers' $(SIDE_BY_SIDE) $(ARGS)

servers: system .venv/ready
	$(BIN)/python -m pytest -m servers $(SIDE_BY_SIDE) $(ARGS)

lab: system .venv/ready
	$(BIN)/python -m pytest -m 'lab and not extra' $(SIDE_BY_SIDE) $(ARGS)

# One boot at a time: what is measured must not depend on its neighbour.
lab-all: system .venv/ready
	$(BIN)/python -m tests.lab.compatibility $(ARGS)

fuzz: .venv/ready
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS) $(ARGS)

soak: .venv/ready
	$(BIN)/python -m tests.soak --minutes $(MINUTES) $(ARGS)

check: .venv/ready
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# The variable silences Material's notice about its successor. With --quiet, --strict would let warnings pass.
docs: .venv/ready
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -W error -m mkdocs build --strict
	@echo "site/index.html"

picture: system .venv/ready
	$(BIN)/python -m tests.lab.picture docs/assets/boot.svg

page-pictures: system .venv/ready
	$(BIN)/python -m tests.page_pictures docs/assets $(ARGS)

bench: system .venv/ready
	$(BIN)/python -m benchmarks $(ARGS)

bench-boot: system .venv/ready
	$(BIN)/python -m benchmarks.boot $(RUNS)

# Wheels and source archives of every distribution, into dist/.
wheels: .venv/ready
	$(BIN)/python tools/build-dists dist
	@ls dist/*.whl

# Wheels and source archives of every distribution, built twice alike, installed by name and run from elsewhere.
dist: system .venv/ready
	tools/check-dists

release: system .venv/ready deb image kubernetes
	tools/check-dists --release

# A Debian package for each release, tried in fresh systems: installed, booted from, upgraded, removed, purged.
deb: system .venv/ready
	tools/install-system-packages mmdebstrap lintian binutils
	for suite in $(SUITES); do packaging/debian/make "$$suite" dist || exit 1; done

other-debian: .venv/ready
	tools/install-system-packages mmdebstrap
	tools/check-debian $(SUITE) $(TARGETS)

check-pythons: .venv/ready
	tools/check-pythons $(ARGS)

# Without an engine: built by buildah, run by runc.
image: system .venv/ready
	tools/install-system-packages mmdebstrap buildah runc binutils
	packaging/image/make dist

kubernetes: .venv/ready
	tools/install-system-packages mmdebstrap
	packaging/kubernetes/check

system:
	tools/install-system-packages

# One pip line names every folder: a plugin alone would look for pixiecore-core in the registry.
.venv/ready: pyproject.toml constraints.txt $(addsuffix /pyproject.toml,$(PLUGINS)) | system
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
		-e '.[dev,docs]' $(addprefix -e ./,$(PLUGINS))
	touch $@

clean:
	rm -rf .venv .cache lab-artefacts dist build site
