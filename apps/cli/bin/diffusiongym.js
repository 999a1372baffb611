#!/usr/bin/env node
// Not compiled, so that package managers find it in a fresh clone, before the first build.
import "../dist/bin.js";
