package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// history of deaths by country and month, which is not part of the repository:
// COMITY_FORECAST_DATA names its folder.
func history() (string, error) {
	dir := os.Getenv("COMITY_FORECAST_DATA")
	if dir == "" {
		return "", errors.New("left out: COMITY_FORECAST_DATA does not name the folder of fatalities_cm.csv")
	}
	name, err := filepath.Abs(filepath.Join(dir, "fatalities_cm.csv"))
	if err == nil {
		_, err = os.Stat(name)
	}
	return name, err
}

// forecast is "comity forecast run" of 191 countries, 12 months, 1,000 draws, from
// reading the history to the last draw.
func forecast(ctx context.Context, e *env, out string) (*exec.Cmd, error) {
	name, err := history()
	if err != nil {
		return nil, err
	}
	bin, err := comityBinary(ctx, e)
	if err != nil {
		return nil, err
	}
	return exec.CommandContext(ctx, bin, "forecast", "run", "--history", name, "--last", "2018-10", "--first", "2019-01",
		"--months", "12", "--draws", "1000", "--seed", "1", "--out", out), nil
}

func forecastTime(ctx context.Context, e *env, dir string) (sample, error) {
	c, err := forecast(ctx, e, filepath.Join(dir, "draws.csv"))
	if err != nil {
		return sample{}, err
	}
	begun := time.Now()
	text, err := c.CombinedOutput()
	took := time.Since(begun)
	if err != nil {
		return sample{}, fmt.Errorf("comity forecast run: %w: %.300s", err, text)
	}
	return sample{p50: float64(took.Nanoseconds()) / 1e6}, nil
}

// forecastMemory is the most memory that the same had, in MB. It is asked for while
// draws are read from the program, which cannot end before: what the system says of a
// process that has ended counts the memory of its parent, too.
func forecastMemory(ctx context.Context, e *env, _ string) (sample, error) {
	c, err := forecast(ctx, e, "-")
	if err != nil {
		return sample{}, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return sample{}, err
	}
	if err := c.Start(); err != nil {
		return sample{}, err
	}
	w := &peakWatch{status: fmt.Sprintf("/proc/%d/status", c.Process.Pid)}
	_, err = io.Copy(w, out)
	if err = errors.Join(err, c.Wait()); err != nil {
		return sample{}, fmt.Errorf("comity forecast run: %w", err)
	}
	if w.kB == 0 {
		return sample{}, fmt.Errorf("left out: %s does not say how much memory it has", w.status)
	}
	return sample{p50: w.kB / 1024}, nil
}

// peakWatch asks, at each piece that a process writes, for the most memory that it
// had so far.
type peakWatch struct {
	status string
	kB     float64
}

// Write implements io.Writer.
func (w *peakWatch) Write(p []byte) (int, error) {
	text, _ := os.ReadFile(w.status) // there is none once it has ended
	if _, peak, ok := bytes.Cut(text, []byte("VmHWM:")); ok {
		if f := strings.Fields(string(peak)); len(f) > 0 {
			w.kB, _ = strconv.ParseFloat(f[0], 64)
		}
	}
	return len(p), nil
}

// gibibyte is what memory is compared with, in MB.
func gibibyte(context.Context, *env, string) (sample, error) { return sample{p50: 1024}, nil }
