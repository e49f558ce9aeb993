module vz.internal/tools

go 1.26.0
