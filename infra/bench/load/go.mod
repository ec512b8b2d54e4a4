module reelfold/load

go 1.21
