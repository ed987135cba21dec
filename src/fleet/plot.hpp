// Line plots of simulations as SVG, without anything but the file: for documents.
//
// Threading: a pure function.
#pragma once

#include <string>
#include <vector>

#include "fleet/simulation.hpp"

namespace extreq::fleet {

struct PlotSeries {
  std::string name;
  std::vector<SimulationPoint> points;
};

// Hosts whose certificates are there (in percent of `hosts`) over days since the rollout's start,
// one line for each series, and the hosts that were updated as a dashed one, from the first series.
[[nodiscard]] std::string plot_svg(const std::string& title, std::uint32_t hosts,
                                   const std::vector<PlotSeries>& series);

}  // namespace extreq::fleet
