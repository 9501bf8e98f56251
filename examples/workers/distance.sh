#!/bin/sh
# Prints how far an airport lies from the middle of the contiguous United States, as the report of a job row:
#
#     {"iata":"00M","km":1213.8}
#
# Try it by itself:
#
#     UNDERSTORY_COL_IATA=00M UNDERSTORY_COL_LATITUDE=31.95 UNDERSTORY_COL_LONGITUDE=-89.23 examples/workers/distance.sh
#
# A row's columns come as UNDERSTORY_COL_<COLUMN>. Whatever else a worker prints would be its report as {"output": "…"};
# a worker that ends with another code than 0 has failed, and the last it wrote to stderr says why.

exec awk '
function number(text) {
    return text ~ /^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$/
}

function fail(sentence) {
    print "distance: " sentence | "cat 1>&2"
    close("cat 1>&2")
    exit 1
}

BEGIN {
    iata = ENVIRON["UNDERSTORY_COL_IATA"]
    latitude = ENVIRON["UNDERSTORY_COL_LATITUDE"]
    longitude = ENVIRON["UNDERSTORY_COL_LONGITUDE"]
    if (iata == "" || latitude == "" || longitude == "")
        fail("the row needs the columns iata, latitude and longitude")
    if (!number(latitude) || !number(longitude))
        fail("latitude and longitude of " iata " are not numbers: " latitude ", " longitude)

    # The haversine formula on a sphere with the mean radius of the earth, in kilometres.
    radian = atan2(0, -1) / 180
    north = (latitude - 39.8283) * radian
    east = (longitude + 98.5795) * radian
    h = sin(north / 2) ^ 2 + cos(39.8283 * radian) * cos(latitude * radian) * sin(east / 2) ^ 2
    km = 2 * 6371.0088 * atan2(sqrt(h), sqrt(1 - h))

    gsub(/[\\"]/, "\\\\&", iata)
    printf "{\"iata\":\"%s\",\"km\":%.1f}\n", iata, km
}'
