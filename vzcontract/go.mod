module vz.internal/vzcontract

go 1.26.0
