package main

import _ "vz.internal/vzlinuxnative/rootless/join" // an ordinary user's containers
