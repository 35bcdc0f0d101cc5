// Package forecast makes predictive distributions of monthly counts of deaths
// from their history alone, and measures how good they are.
package forecast
