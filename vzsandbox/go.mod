module vz.internal/vzsandbox

go 1.26.0
