-- Answers questions about rpm versions by rpm itself: see ../peers.ts for the lines.
for line in io.lines() do
  local first, second = line:match("^order\t(.-)\t(.*)$")
  local order = rpm.vercmp(first, second)
  io.stdout:write(order < 0 and "<" or order > 0 and ">" or "=", "\n")
end
